"""What carries requests to an API server: the seam between the client and HTTP, or the fake."""

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
    """One request. `timeout` in seconds is for the whole answer."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    content_type: str = JSON
    accept: str = JSON
    timeout: float = 30.0


@dataclass(frozen=True, slots=True)
class Response:
    """What came back, whatever its status. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """Carries requests. Network errors and time-outs are raised as `failures.Unavailable`."""

    async def request(self, request: Request) -> Response:
        """The server's answer to `request`."""

    def stream(self, request: Request) -> AsyncGenerator[bytes]:
        """The lines of an answer that does not end by itself; `failures.ApiError` when it is refused."""
