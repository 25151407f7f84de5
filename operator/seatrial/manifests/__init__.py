"""Manifests: values in, Kubernetes objects as dictionaries out. Pure."""
