"""The demo on an existing cluster, tested without a cluster."""
