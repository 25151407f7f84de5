"""Logs as JSON lines, or for people: a constant sentence and fields."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final

_PLAIN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One record, one line; what was passed as `extra` is beside the sentence."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **fields_of(record),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class PlainLines(logging.Formatter):
    """The same for people: the fields stand behind the sentence."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """The line, without a trace."""
        said = "".join(f" {name}={value}" for name, value in fields_of(record).items())
        return super().formatMessage(record) + said


def fields_of(record: logging.LogRecord) -> dict[str, str | int | float | bool]:
    """What was passed as `extra`."""
    return {
        name: value
        for name, value in vars(record).items()
        if name not in _PLAIN and isinstance(value, str | int | float | bool)
    }


def configure(*, level: str, json_lines: bool) -> None:
    """The root logger writes to standard error; chatty libraries only warn."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if json_lines else PlainLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in ("kopf", "kopf.objects", "kopf.activities", "asyncio", "aiohttp.access"):
        logging.getLogger(name).setLevel(logging.WARNING)
