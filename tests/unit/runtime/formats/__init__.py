"""Tests of model files: recognised, refused, loaded, answering."""
