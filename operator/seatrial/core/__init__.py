"""The decisions: values and `now` in, values out; no clock, no I/O."""
