"""Decisions in the domain's own words: values and `now` in, values out; no clock, no I/O."""
