"""JSON as the API server writes it."""

from __future__ import annotations

import json
from typing import Final

from seatrial.api.objects import Body

_ESCAPED_BY_GO: Final = {ord(letter): f"\\u{ord(letter):04x}" for letter in "&<>\u2028\u2029"}


def encode(body: Body) -> bytes:
    """Return the body encoded byte for byte as the API server encodes it.

    The server compares the immutable data of a ControllerRevision as bytes: with any other encoding it would reject
    every patch of the object's metadata.
    """
    text = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.translate(_ESCAPED_BY_GO).encode()
