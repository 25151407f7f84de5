"""Log lines of both programs are JSON objects in one format."""

from __future__ import annotations

import json
import logging
import re
import sys

import pytest

from model_runtime.contract.logs import LONGEST_TRACE, JsonLines, fields_of


def record(message: str, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("seatrial.server", logging.ERROR, __file__, 1, message, (), None)
    made.__dict__.update(fields)
    return made


def failed(error: Exception) -> logging.LogRecord:
    try:
        raise error
    except Exception:
        return record("failed", exc_info=sys.exc_info())


def test_a_line_has_time_level_logger_message_constants_and_fields() -> None:
    line = json.loads(JsonLines({"revision": "9f3c", "empty": ""}).format(record("failed", status=500)))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {
        "level": "error",
        "logger": "seatrial.server",
        "message": "failed",
        "revision": "9f3c",
        "status": 500,
    }


def test_a_trace_stays_on_its_line() -> None:
    text = JsonLines().format(failed(KeyError("x")))
    assert "\n" not in text
    assert "KeyError" in json.loads(text)["trace"]


def test_a_long_trace_keeps_its_end() -> None:
    trace = json.loads(JsonLines().format(failed(ValueError("x" * 20_000 + "end"))))["trace"]
    assert (len(trace), trace[-4:]) == (LONGEST_TRACE, "xend")


@pytest.mark.parametrize("name", ["time", "level", "logger"])
def test_a_field_cannot_replace_what_every_line_has(name: str) -> None:
    line = json.loads(JsonLines().format(record("failed", **{name: "other"})))
    assert line[name] != "other"


def test_message_fields_and_trace_are_redacted() -> None:
    made = failed(ValueError("hunter2"))
    made.msg, made.__dict__["address"] = "hunter2 failed", "https://jo:hunter2@host"
    text = JsonLines(redact=lambda text: text.replace("hunter2", "***")).format(made)
    assert "hunter2" not in text
    assert json.loads(text)["address"] == "https://jo:***@host"


def test_objects_of_libraries_are_not_fields() -> None:
    assert fields_of(record("x", body={"secret": "s"}, names=["a"], ok=True, n=1)) == {"ok": True, "n": 1}
