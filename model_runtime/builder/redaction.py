"""Redact what may be secret from log lines and messages: more people read logs than Secrets."""

from __future__ import annotations

import re
from typing import Final

HIDDEN: Final = "***"

_SECRETS: Final = (
    (re.compile(r"(?<=://)[^/\s@]+@"), f"{HIDDEN}@"),
    (
        re.compile(r"((?!\b(?:s3|pvc|configmap)\b)\b[a-zA-Z][\w+.-]{0,20}://[^\s?'\"]+)\?[^\s'\"]+"),
        rf"\1?{HIDDEN}",
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+"), rf"\1 {HIDDEN}"),
    (
        re.compile(
            r"(?i)([\w-]*(?:password|passwd|secret|token|api[_-]?key|access[_-]?key)[\w-]*['\"]?\s*[=:]\s*)"
            r"(?:\"(?:[^\"\\]|\\.)*\"?|'(?:[^'\\]|\\.)*'?|\S+)"
        ),
        rf"\1{HIDDEN}",
    ),
)
"""In this order: user and password of an address; its query, which may sign it (in s3, pvc and configmap addresses a
`?` is part of the name); credentials of a header; `password=…`."""


def redacted(line: str) -> str:
    """Return `line` without the passwords, tokens and signatures that their form gives away."""
    for pattern, replacement in _SECRETS:
        line = pattern.sub(replacement, line)
    return line
