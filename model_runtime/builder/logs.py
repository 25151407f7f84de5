"""The log of a build: JSON lines on stdout, and its last lines for the report. Neither shows secrets."""

from __future__ import annotations

import logging
import sys
from collections import deque
from typing import Final

from model_runtime.builder.redaction import redacted
from model_runtime.contract.logs import JsonLines

LINES: Final = 20
LONGEST_LINE: Final = 300


class LogTail(logging.Handler):
    """Keeps the last lines of the log, each truncated and redacted."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[str] = deque(maxlen=LINES)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the lines of a record, and drop the oldest ones."""
        for line in redacted(self.format(record)).splitlines():
            self._lines.append(line.rstrip()[:LONGEST_LINE])

    def text(self) -> str:
        """Return the lines, oldest first."""
        return "\n".join(self._lines)


def configure(tail: LogTail) -> None:
    """Write the records of this program to stdout and to `tail`."""
    stdout = logging.StreamHandler(sys.stdout)
    stdout.setFormatter(JsonLines(redact=redacted))
    tail.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    logger = logging.getLogger("seatrial")
    logger.setLevel(logging.INFO)
    logger.handlers = [stdout, tail]
    logger.propagate = False
    logging.getLogger("httpx").setLevel(logging.WARNING)  # its lines contain whole addresses, with signatures
