"""The log format of both programs: one JSON object a line.

    {"time": "2025-11-30T20:40:29.123Z", "level": "info", "logger": "seatrial.server",
     "message": "listening", "port": 3000}

The message is a constant sentence. What varies is passed as `extra` and becomes further keys; errors add `trace`.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Final

LONGEST_TRACE: Final = 8000
"""Characters, of the end: container runtimes split lines that are longer than 16 KiB."""

Value = str | int | float | bool
_RECORD_ATTRIBUTES: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _unchanged(text: str) -> str:
    return text


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON."""

    def __init__(
        self, constants: Mapping[str, str] | None = None, *, redact: Callable[[str], str] = _unchanged
    ) -> None:
        """Add `constants` to every line, except empty ones; pass every text of a record through `redact`."""
        super().__init__()
        self._redact = redact
        self._constants = {key: value for key, value in (constants or {}).items() if value}

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Value] = {
            "time": _timestamp(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._redact(record.getMessage()),
        }
        for name, value in {**self._constants, **fields_of(record)}.items():
            line.setdefault(name, self._redact(value) if isinstance(value, str) else value)
        if record.exc_info and record.exc_info[0] is not None:
            line["trace"] = self._redact(self.formatException(record.exc_info))[-LONGEST_TRACE:]
        return json.dumps(line, ensure_ascii=False)


def fields_of(record: logging.LogRecord) -> dict[str, Value]:
    """Return what was passed as `extra`, without the objects that libraries pass there."""
    return {
        name: value
        for name, value in vars(record).items()
        if name not in _RECORD_ATTRIBUTES and isinstance(value, Value)
    }


def _timestamp(record: logging.LogRecord) -> str:
    """Return the time in UTC, as RFC 3339 with milliseconds."""
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{seconds}.{int(record.msecs):03d}Z"
