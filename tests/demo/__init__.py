"""`make demo`: four versions of a model, of which one stays."""
