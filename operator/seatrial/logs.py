"""Log lines as JSON or for people: a constant message and fields."""

from __future__ import annotations

import logging
import sys

from model_runtime.contract.logs import JsonLines, fields_of


class PlainLines(logging.Formatter):
    """One line of text per record; the fields follow the message as name=value."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """Return the line without a traceback."""
        fields = "".join(f" {name}={value}" for name, value in fields_of(record).items())
        return super().formatMessage(record) + fields


def configure(*, level: str, json_lines: bool) -> None:
    """Log to standard error; of libraries that log a lot only warnings."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if json_lines else PlainLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in ("kopf", "kopf.objects", "kopf.activities", "asyncio", "aiohttp.access"):
        logging.getLogger(name).setLevel(logging.WARNING)
