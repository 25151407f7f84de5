"""Tests of the build, from a model address to an image in a real registry."""
