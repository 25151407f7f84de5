"""Fetch files from where they are: a model's, or a data set's.

fetching             the entry point: one request, any scheme
address              the parts of an address, and the form that may be shown
limits               how much a source may bring, and where it may write
credentials          the Secret that spec.model.credentials names
progress             log lines about a running fetch
object_store         s3 (object_store_errors: what the client's errors mean)
web                  http, https
mounted_volume       pvc, configmap
oci_artifact         oci
archives             unpack a tar within the limits
"""

from __future__ import annotations

from model_runtime.sources.fetching import FetchRequest, FetchResult, fetch

__all__ = ["FetchRequest", "FetchResult", "fetch"]
