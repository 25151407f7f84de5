"""Fetch a model's files from where they are.

address       the parts of spec.model.uri, and how it may be shown
bounds        how much, how many, and nothing outside the folder
progress      lines for the log
object_store  s3
web           http, https
mounted       pvc, configmap
artifact      oci
"""

from __future__ import annotations

from model_runtime.sources.fetching import Fetched, Order, fetch

__all__ = ["Fetched", "Order", "fetch"]
