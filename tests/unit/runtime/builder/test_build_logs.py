"""The last lines of a failed build are in its report: bounded and redacted."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from model_runtime.builder import logs, report
from model_runtime.builder.logs import LogTail
from model_runtime.contract import TERMINATION_MESSAGE_LIMIT, BuildReport


def heard(*lines: str) -> LogTail:
    """Return a log tail with these lines."""
    kept = LogTail()
    for line in lines:
        kept.handle(logging.makeLogRecord({"msg": line}))
    return kept


def test_the_last_lines_are_kept() -> None:
    kept = heard(*(f"line {number}" for number in range(50))).text().splitlines()
    assert (len(kept), kept[0], kept[-1]) == (logs.LINES, "line 30", "line 49")


def test_long_lines_are_truncated() -> None:
    assert len(heard("x" * 9000).text()) == logs.LONGEST_LINE


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("GET https://jo:hunter2@host/m failed", "GET https://***@host/m failed"),
        ("GET https://host/m?X-Amz-Signature=abc failed", "GET https://host/m?*** failed"),
        ("GET abfss://jars@host/m?sv=1&sig=abc failed", "GET abfss://***@host/m?*** failed"),
        ("gs://models/m?token=abc", "gs://models/m?***"),
        ("s3://models/what?/m has no objects", "s3://models/what?/m has no objects"),
        ("s3://models/what? has none, https://h/m?sig=a", "s3://models/what? has none, https://h/m?***"),
        ("authorization: Bearer eyJhbGciOi.x-y_z", "authorization: Bearer ***"),
        ("aws_secret_access_key=abc123", "aws_secret_access_key=***"),
        ("password: hunter2", "password: ***"),
        ('{"password": "two words"}', '{"password": ***}'),
        ('{"token": "a \\"quoted\\" one", "n": 1}', '{"token": ***, "n": 1}'),
        ("{'api_key': 'two words', 'n': 1}", "{'api_key': ***, 'n': 1}"),
        ('password="never closed again', "password=***"),
        ("password=two words", "password=*** words"),
        ("fetched 3 files, 1.2 MiB", "fetched 3 files, 1.2 MiB"),
        ("pushed host:5000/m:1@sha256:ab", "pushed host:5000/m:1@sha256:ab"),
    ],
)
def test_secrets_are_redacted(line: str, left: str) -> None:
    assert heard(line).text() == left


def test_the_trace_of_a_bug_is_in_the_report(tmp_path: Path) -> None:
    kept = LogTail()
    log = logging.getLogger("seatrial.build")
    log.addHandler(kept)
    try:
        ended = report.of_failure(KeyError("shape"), work=tmp_path, seconds={}, log_tail=kept.text)
    finally:
        log.removeHandler(kept)
    assert "KeyError: 'shape'" in ended.log_tail


@pytest.mark.parametrize("letter", ["x", "ä", "\n", "\x00"])
def test_the_log_is_truncated_before_the_message(letter: str) -> None:
    full = BuildReport(reason="BuildFailed", message="what to do", log_tail=letter * 6000 + "the end")
    text = full.to_json()
    assert len(text.encode()) <= TERMINATION_MESSAGE_LIMIT
    read = BuildReport.from_json(text)
    assert read.message == "what to do"
    assert read.log_tail.endswith("the end")


def test_a_message_that_is_too_long_is_truncated() -> None:
    text = BuildReport(reason="BuildFailed", message="m" * 6000, log_tail="log").to_json()
    read = BuildReport.from_json(text)
    assert (len(text.encode()) <= TERMINATION_MESSAGE_LIMIT, read.log_tail) == (True, "")
    assert read.message
