"""Observation: from what the shell saw to target, snapshot and state. Pure."""
