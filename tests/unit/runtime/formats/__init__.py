"""Tests of model files: detection, loading, prediction."""
