"""What a registry or a token server answers: never more of it is read than anything true could need."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import httpx

from model_runtime.failures import RegistryUnavailable

LARGEST: Final = 4 << 20
"""Bytes of a manifest or config: what registries themselves allow."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, headers and the body's beginning."""

    status_code: int
    headers: httpx.Headers
    content: bytes
    whole: bool
    """The body ended within what was read."""
    url: str = ""
    """Who answered, after all redirects."""


def taken(response: httpx.Response, *, most: int = LARGEST) -> Answer:
    """The answer with at most `most` bytes of its body, as they came: nothing is unpacked."""
    content, url = bytearray(), str(response.url)
    for piece in response.iter_raw():
        content += piece
        if len(content) > most:
            return Answer(response.status_code, response.headers, bytes(content[:most]), False, url)
    return Answer(response.status_code, response.headers, bytes(content), True, url)


def document(answer: Answer, name: object) -> dict[str, Any]:
    """The JSON object in the answer; `RegistryUnavailable` says what came instead from `name`."""
    if not answer.whole:
        raise RegistryUnavailable(
            f"{name} is larger than {len(answer.content) >> 10} KiB: no registry's document is."
        )
    try:
        body = json.loads(answer.content)
    except (ValueError, RecursionError) as error:
        raise RegistryUnavailable(
            f"{name} is no JSON document: {str(error)[:200]}. Does something else answer in the registry's place?"
        ) from error
    if not isinstance(body, dict):
        raise RegistryUnavailable(f"{name} is no JSON object.")
    return body
