"""Tests of the API: parsing, validation, serialization."""
