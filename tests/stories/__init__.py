"""Whole rollouts on the fake API server, hours in milliseconds."""
