"""The last lines of a build's log, without what may be secret: they travel in its report."""

from __future__ import annotations

import logging
import re
from collections import deque
from typing import Final

LINES: Final = 20
LONGEST_LINE: Final = 300
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


class Tail(logging.Handler):
    """Keeps the last lines that it is given, each bounded and redacted."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[str] = deque(maxlen=LINES)

    def emit(self, record: logging.LogRecord) -> None:
        """Its lines are kept, and the oldest forgotten."""
        for line in self.format(record).splitlines():
            self._lines.append(redacted(line.rstrip())[:LONGEST_LINE])

    def text(self) -> str:
        """The lines, oldest first."""
        return "\n".join(self._lines)


def redacted(line: str) -> str:
    """`line` without passwords, tokens and signatures that can be told by their form."""
    for secret, instead in _SECRETS:
        line = secret.sub(instead, line)
    return line
