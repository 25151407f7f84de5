"""What a registry asks for when it answers 401."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_PARAMETER: Final = re.compile(r'([a-zA-Z_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_SCHEME: Final = re.compile(r"(?:^|,\s*)(Basic|Bearer)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One scheme of a `WWW-Authenticate` header; Bearer names where tokens are made and for what."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


def challenge_of(header: str) -> Challenge | None:
    """The challenge we can answer, Bearer before Basic."""
    found = list(_SCHEME.finditer(header))
    starts = [match.start() for match in found]
    challenges = [
        _challenge(match.group(1).lower(), header[match.end() : end])
        for match, end in zip(found, [*starts[1:], len(header)], strict=False)
    ]
    challenges.sort(key=lambda challenge: challenge.scheme != "bearer")
    return challenges[0] if challenges else None


def _challenge(scheme: str, text: str) -> Challenge:
    values = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(text)}
    return Challenge(scheme, values.get("realm", ""), values.get("service", ""), values.get("scope", ""))
