"""The seam between the client and HTTP: requests, responses, and what carries them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
PARTIAL_OBJECT = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `timeout` in seconds covers the whole response."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    content_type: str = JSON
    accept: str = JSON
    timeout: float = 30.0


@dataclass(frozen=True, slots=True)
class Response:
    """One response of any status. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """Carries requests to one API server. Raises `failures.Unavailable` for network errors and time-outs."""

    async def request(self, request: Request) -> Response:
        """Return the server's response, whatever its status is."""

    def stream(self, request: Request) -> AsyncGenerator[bytes]:
        """Yield the lines of an endless response; raise `failures.ApiError` for a status of 400 or more."""
