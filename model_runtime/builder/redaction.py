"""Redact what may be secret from log lines and messages: more people read logs than Secrets."""

from __future__ import annotations

import logging
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
"""User and password of an address, its query (signed addresses; in some schemes a `?` belongs to the name and begins
none), credentials of a header, `password=…`."""


class Discreet(logging.Formatter):
    """Writes a record, its traceback too, without what may be secret: more people read logs than Secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """The text, redacted."""
        return redacted(super().format(record))


def redacted(line: str) -> str:
    """`line` without passwords, tokens and signatures that can be told by their form."""
    for secret, instead in _SECRETS:
        line = secret.sub(instead, line)
    return line
