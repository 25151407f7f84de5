"""Responses of registries and token servers, read within a size limit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import httpx

from model_runtime.failures import RegistryUnavailable

SIZE_LIMIT: Final = 4 << 20
"""Bytes of a manifest or config: what registries themselves allow."""


@dataclass(frozen=True, slots=True)
class Response:
    """Status, headers, and the body up to the limit."""

    status_code: int
    headers: httpx.Headers
    content: bytes
    complete: bool
    """The whole body was read."""
    url: str = ""
    """The address that responded, after all redirects."""


def read(response: httpx.Response, *, limit: int = SIZE_LIMIT) -> Response:
    """Return the response with at most `limit` bytes of its body, not decompressed."""
    content, url = bytearray(), str(response.url)
    for chunk in response.iter_raw():
        content += chunk
        if len(content) > limit:
            return Response(response.status_code, response.headers, bytes(content[:limit]), False, url)
    return Response(response.status_code, response.headers, bytes(content), True, url)


def json_object(response: Response, name: object) -> dict[str, Any]:
    """Return the JSON object in the body; `RegistryUnavailable` when `name` responded with something else."""
    if not response.complete:
        raise RegistryUnavailable(
            f"{name} is larger than {len(response.content) >> 10} KiB, which no manifest or config is."
        )
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError) as error:
        raise RegistryUnavailable(
            f"{name} is not JSON: {str(error)[:200]}. Check that the address is the registry's."
        ) from error
    if not isinstance(body, dict):
        raise RegistryUnavailable(f"{name} is not a JSON object.")
    return body
