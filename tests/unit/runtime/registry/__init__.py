"""Tests of the registry client against a real registry, and against one that misbehaves."""
