"""What a registry asks for when it answers 401."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

LONGEST: Final = 8 << 10
"""Characters of a question that are read: what servers send is a tenth of that."""

_NAME: Final = r"[a-zA-Z][a-zA-Z0-9_-]{0,63}"
_QUOTED: Final = r'"(?:[^"\\]|\\.)*"?'
_PARAMETER: Final = re.compile(rf'({_NAME})\s*=\s*(?:({_QUOTED})|([^\s,"]+))')
_SCHEME: Final = re.compile(rf"({_NAME})(?=\s|,|$)")
_PIECE: Final = re.compile(rf"{_PARAMETER.pattern}|{_SCHEME.pattern}|{_QUOTED}|.", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One scheme of a `WWW-Authenticate` header; Bearer names where tokens are made and for what."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


def challenge_of(header: str) -> Challenge | None:
    """The challenge we can answer, Bearer before Basic; what stands in quotes is never taken for a scheme."""
    found: list[Challenge] = []
    for piece in _PIECE.finditer(header[:LONGEST]):
        name, quoted, plain, scheme = piece.groups()
        if scheme:
            found.append(Challenge(scheme.lower()))
        elif found and name and name.lower() in ("realm", "service", "scope"):
            value = _ESCAPED.sub(r"\1", quoted[1:].removesuffix('"')) if quoted else plain
            found[-1] = replace(found[-1], **{name.lower(): value})
    known = {challenge.scheme: challenge for challenge in reversed(found)}
    return known.get("bearer") or known.get("basic")
