"""One record is one line: a constant message and fields."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest

from seatrial import logs
from seatrial.api.reasons import Reason


def record(message: str = "a message", *arguments: object, **fields: Any) -> logging.LogRecord:
    made = logging.LogRecord("seatrial.x", logging.WARNING, "x.py", 1, message, arguments, None)
    vars(made).update(fields)
    return made


def test_json_has_the_message_and_the_fields() -> None:
    line = json.loads(logs.JsonLines().format(record("%d of %d", 1, 2, object="shop/churn", retry=0.5)))
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "seatrial.x",
        "message": "1 of 2",
        "object": "shop/churn",
        "retry": 0.5,
    }


@pytest.mark.parametrize("text", ["two\nlines", 'a "quote"', "\x00\x1b[31m", "ünïcode"])
def test_json_is_one_line_whatever_the_message_is(text: str) -> None:
    line = logs.JsonLines().format(record(text, why=text))
    assert "\n" not in line
    assert json.loads(line)["why"] == text


def test_a_traceback_is_part_of_the_line() -> None:
    made = record()
    try:
        raise KeyError("x")
    except KeyError:
        made.exc_info = sys.exc_info()
    line = logs.JsonLines().format(made)
    assert "\n" not in line
    assert json.loads(line)["trace"].endswith("KeyError: 'x'")


def test_plain_text_has_the_fields_after_the_message() -> None:
    line = logs.PlainLines().format(record(object="shop/churn", retry=0.5))
    assert line.endswith("WARNING seatrial.x: a message object=shop/churn retry=0.5")


def test_only_scalars_become_fields() -> None:
    fields = logs.fields_of(
        record(body={"data": {"key": "c2VjcmV0"}}, names=["a"], reason=Reason.PENDING, n=1)
    )
    assert fields == {"reason": "Pending", "n": 1}


def test_standard_attributes_are_no_fields() -> None:
    assert logs.fields_of(record()) == {}


def test_verbose_libraries_log_warnings_only() -> None:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        logs.configure(level="debug", json_lines=True)
        assert root.level == logging.DEBUG
        for name in ("kopf", "kopf.objects", "asyncio", "aiohttp.access"):
            assert not logging.getLogger(name).isEnabledFor(logging.INFO)
        assert logging.getLogger("seatrial.x").isEnabledFor(logging.DEBUG)
        (handler,) = root.handlers
        assert isinstance(handler.formatter, logs.JsonLines)
        logs.configure(level="info", json_lines=False)
        (handler,) = root.handlers
        assert isinstance(handler.formatter, logs.PlainLines)
    finally:
        root.handlers[:] = before
        root.setLevel(level)
