"""Log lines are JSON objects."""

from __future__ import annotations

import json
import logging
import sys

from model_runtime.server.logs import JsonLines


def record(message: str, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("seatrial", logging.ERROR, __file__, 1, message, (), None)
    made.__dict__.update(extra)
    return made


def test_a_line_has_time_level_message_constants_and_fields() -> None:
    line = json.loads(JsonLines(revision="9f3c", empty="").format(record("failed", fields={"status": 500})))
    assert line.pop("time").endswith("Z")
    assert line == {"level": "error", "message": "failed", "revision": "9f3c", "status": 500}


def test_a_trace_stays_on_its_line() -> None:
    try:
        raise KeyError("x")
    except KeyError:
        text = JsonLines().format(record("failed", exc_info=sys.exc_info()))
    assert "\n" not in text
    assert "KeyError" in json.loads(text)["trace"]
