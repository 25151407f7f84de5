"""Reports of any size and text, redacted messages, and full disks in every phase."""

from __future__ import annotations

import errno
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from model_runtime import failures
from model_runtime.builder import report, trial, trial_runner
from model_runtime.builder.redaction import redacted
from model_runtime.contract import TERMINATION_MESSAGE_LIMIT, BuildReport, Exit
from model_runtime.contract.logs import JsonLines
from model_runtime.failures import LoadFailed, RuntimeMismatch
from model_runtime.registry import errors
from model_runtime.registry.credentials import Keyring, Login
from model_runtime.registry.references import Reference
from tests.unit.runtime.builder.harness import Job

ANY = st.text(st.characters(exclude_categories=()), max_size=60)
LONG = st.builds(lambda piece, times: piece * times, ANY, st.integers(0, 120))
IMAGE = f"r.io/models@sha256:{'a' * 64}"


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(message=LONG, log=LONG, source=st.dictionaries(st.sampled_from(["uri", "etag", "query"]), LONG))
@example(message="\ud800", log="\udfff" * 99, source={"uri": "\ud83d"})
@example(message="\x00" * 600, log="", source={})
@example(message="", log="", source={"uri": "x" * 9000, "etag": "ä" * 9000})
def test_a_report_with_any_text_fits_and_can_be_decoded(
    message: str, log: str, source: dict[str, str]
) -> None:
    made = BuildReport(reason="BuildFailed", message=message, log_tail=log, source=source)
    written = made.to_json().encode()
    read = BuildReport.from_json(written.decode())

    assert len(written) <= TERMINATION_MESSAGE_LIMIT
    assert b"\n" not in written
    assert read.reason == "BuildFailed"
    assert set(read.source) == set(source)


@settings(deadline=None)
@given(message=st.text(max_size=200), log=st.text(max_size=200))
def test_a_report_that_fits_is_not_truncated(message: str, log: str) -> None:
    made = BuildReport(reason="BuildFailed", message=message, log_tail=log, source={"uri": "s3://a/b"})

    assert BuildReport.from_json(made.to_json()) == made


@pytest.mark.parametrize("letter", ["x", "ä", "模", "😀", '"', "\x00"])
@pytest.mark.parametrize("length", [500, 1000, 3000, 20_000])
def test_a_long_message_keeps_its_beginning_up_to_the_limit(letter: str, length: int) -> None:
    message = "what happened: " + letter * length
    read = BuildReport.from_json(BuildReport(reason="BuildFailed", message=message).to_json())

    assert message.startswith(read.message)
    kept = len(json.dumps(read.message, ensure_ascii=False).encode())
    assert read.message == message or kept > TERMINATION_MESSAGE_LIMIT * 0.8


def test_a_long_source_version_does_not_truncate_the_image() -> None:
    source = {"uri": "https://h/m", "etag": "e" * 60_000}
    read = BuildReport.from_json(BuildReport(image=IMAGE, source=source).to_json())

    assert (read.image, read.source["uri"]) == (IMAGE, "https://h/m")
    assert set(read.source["etag"]) == {"e"}


@settings(deadline=None)
@given(message=LONG)
@example(message="\ud800" * 3000)
@example(message="\x00" * 3000)
def test_the_exit_of_a_server_fits_and_can_be_decoded(message: str) -> None:
    written = Exit(reason="ModelLoadFailed", message=message).to_json().encode()

    assert len(written) <= TERMINATION_MESSAGE_LIMIT
    assert Exit.from_json(written.decode()).reason == "ModelLoadFailed"


# secrets


@pytest.mark.parametrize(
    "said",
    [
        "cannot be read: Illegal header value b'Bearer hidden'",
        "GET https://jo:hidden@h.io/m failed",
        "https://h.io/m?X-Amz-Signature=hidden failed",
        "password=hidden was refused",
    ],
)
def test_a_failure_message_is_redacted(said: str, tmp_path: Path) -> None:
    ended = report.of_failure(failures.SourceUnavailable(said), work=tmp_path, seconds={})

    assert "hidden" not in ended.message
    assert ended.message


@pytest.mark.parametrize("logins", [{}, {"r.io": Login("jo", "pw")}], ids=["no login", "refused"])
def test_own_messages_are_not_redacted(logins: dict[str, Login], tmp_path: Path) -> None:
    said = errors.unauthorized(Reference.parse("r.io/models"), Keyring(logins))
    ended = report.of_failure(said, work=tmp_path, seconds={})

    assert ended.message == said.message


def test_a_bug_is_reported_with_type_and_message_without_stack(tmp_path: Path) -> None:
    error = ValueError("no such\nshape.")
    error.add_note("while processing 'path'")
    ended = report.of_failure(error, work=tmp_path, seconds={})

    assert (
        ended.message == "the build failed with an unexpected error (ValueError: no such shape): see its log."
    )


def test_a_trace_in_the_log_is_redacted() -> None:
    try:
        raise ValueError("https://jo:hidden@h.io/m")
    except ValueError as error:
        record = logging.makeLogRecord({"msg": "broke", "exc_info": (ValueError, error, error.__traceback__)})
    written = JsonLines(redact=redacted).format(record)

    assert "hidden" not in written
    assert "Traceback" in written


# runtimes


def test_a_runtime_mismatch_reports_the_format(tmp_path: Path) -> None:
    ended = report.of_failure(RuntimeMismatch("no", "xgboost", "xgboost"), work=tmp_path, seconds={})

    assert (ended.format, ended.wanted_runtime) == ("xgboost", "xgboost")


# full disks


def wrapped(inner: BaseException, outer: Exception, *, cause: bool) -> Exception:
    """`outer`, raised from `inner` or while it was handled."""
    try:
        try:
            raise inner
        except type(inner) as error:
            if cause:
                raise outer from error
            raise outer  # noqa: B904 - as libraries do
    except type(outer) as error:
        return error


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("cause", [True, False], ids=["from it", "while it was handled"])
@pytest.mark.parametrize("outer", [LoadFailed("cannot be loaded"), RuntimeError("bentoml")])
def test_a_full_disk_is_reported_through_errors_of_libraries(
    tmp_path: Path, number: int, cause: bool, outer: Exception
) -> None:
    full = OSError(number, os.strerror(number))
    ended = report.of_failure(wrapped(full, outer, cause=cause), work=tmp_path, seconds={})

    assert ended.reason == "BuildFailed"
    assert "no space is left" in ended.message
    assert "ephemeral-storage" in ended.message


@pytest.mark.parametrize("error", [OSError(errno.EACCES, "no"), ValueError("x"), LoadFailed("x")])
def test_another_failure_is_not_a_full_disk(error: Exception) -> None:
    assert report.full_disk(error) is None
    assert report.full_disk(wrapped(KeyError("y"), error, cause=True)) is None


def test_a_failure_that_is_its_own_cause_ends_the_search() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__context__, second.__context__ = second, first

    assert report.full_disk(first) is None


def test_a_trial_whose_outcome_cannot_be_written_is_a_full_disk(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", f"raise SystemExit({trial.NO_SPACE})"])
    with pytest.raises(OSError, match="No space left"):
        trial_runner.Trial(process, tmp_path / "outcome.json").result()


@pytest.mark.parametrize("text", [None, '{"stage": "answering"}'])
@pytest.mark.parametrize(("number", "name"), [(6, "SIGABRT"), (11, "SIGSEGV"), (35, "35")])
def test_a_trial_that_crashes_is_reported_with_stage_and_signal(
    tmp_path: Path, text: str | None, number: int, name: str
) -> None:
    if text is not None:
        (tmp_path / "outcome.json").write_text(text)
    code = (
        f"import os,resource; resource.setrlimit(resource.RLIMIT_CORE,(0,0)); os.kill(os.getpid(), {number})"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    with pytest.raises(failures.ModelFailure, match=f"signal {name}") as failure:
        trial_runner.Trial(process, tmp_path / "outcome.json").result()
    assert isinstance(failure.value, LoadFailed if text is None else failures.ExampleFailed)


@pytest.mark.slow
def test_a_disk_that_fills_during_the_fetch_is_reported(job: Job) -> None:
    (job.folder / "volume").unlink()
    (job.folder / "volume").mkdir()
    (job.folder / "volume" / "weights.bin").write_bytes(bytes(4 << 20))
    job.largest_file = 1 << 20
    ended = job.asks(uri="pvc://models/").run()

    assert ended.reason == "BuildFailed", job.log
    assert f"no space is left in {job.folder / 'work'}" in ended.message
    assert "ephemeral-storage" in ended.message


@pytest.mark.slow
def test_a_disk_that_fills_during_the_load_is_reported(job: Job) -> None:
    fills = b"\x80\x04csklearn\nshow_versions\n0cbuiltins\nexec\n(Vopen('/dev/full','wb',0).write(b'x')\ntR."
    (job.folder / "volume").unlink()
    (job.folder / "volume").mkdir()
    (job.folder / "volume" / "model.pkl").write_bytes(fills)
    ended = job.asks(uri="pvc://models/model.pkl", allow_pickle=True).run()

    assert ended.reason == "BuildFailed", job.log
    assert "no space is left" in ended.message


@pytest.mark.slow
def test_a_report_is_in_the_log_when_it_cannot_be_written(job: Job) -> None:
    job.environment["SEATRIAL_TERMINATION_MESSAGE_PATH"] = "/dev/full"
    with pytest.raises(AssertionError):
        job.asks(uri="pvc://models/absent").run()

    assert r"\"reason\":\"SourceNotFound\"" in job.log
    assert "the report cannot be written to /dev/full" in job.log
    assert job.code == 1


def test_the_reference_has_the_first_rows_and_scalars() -> None:
    inputs = {"rows": np.zeros((trial.MAX_ROWS + 1, 2)), "threshold": np.array(0.5)}
    kept = trial.reference(inputs)["inputs"]

    assert (len(kept["rows"]), kept["threshold"]) == (trial.MAX_ROWS, 0.5)
