"""Log lines as JSON objects: a constant sentence and fields; never a body of a request."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any


class JsonLines(logging.Formatter):
    """One object per record; `extra={"fields": {…}}` are its further keys."""

    def __init__(self, **constant: str) -> None:
        super().__init__()
        self._constant = {key: value for key, value in constant.items() if value}

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **self._constant,
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["trace"] = self.formatException(record.exc_info)[-8000:]
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(**constant: str) -> None:
    """From now on every record of the process is one JSON line on the standard error, from warnings upwards."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(**constant))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("seatrial").setLevel(logging.INFO)
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    logging.captureWarnings(capture=True)
