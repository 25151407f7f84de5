"""Values in, Kubernetes dictionaries out: how each child looks."""
