"""The last lines of a build's log, redacted: the build reports them when it fails."""

from __future__ import annotations

import logging
from collections import deque
from typing import Final

from model_runtime.builder.redaction import redacted

LINES: Final = 20
LONGEST_LINE: Final = 300


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
