"""The digest of files, and the reports of unexpected failures."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest

from model_runtime import contract, failures
from model_runtime.builder import model_digest, report
from model_runtime.builder.folders import Folders
from model_runtime.contract import BuildReport
from model_runtime.failures import BuildBroken, RuntimeMismatch, SourceDigestMismatch
from model_runtime.sources import address
from model_runtime.sources.progress import Progress


def files(folder: Path) -> Path:
    for name in ("b", "a/c", "a b/ä", "a-b"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def test_the_digest_of_a_folder_can_be_computed_with_common_tools(tmp_path: Path) -> None:
    command = r"find . -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum"
    shell = subprocess.run(
        ["bash", "-c", command], cwd=files(tmp_path), capture_output=True, text=True, check=True
    )

    assert model_digest.digest_of(tmp_path, single_file=False) == f"sha256:{shell.stdout.split()[0]}"


def test_the_digest_of_one_file_is_its_sha256(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(b"abc")
    os.utime(tmp_path / "m", (1, 1))

    assert model_digest.digest_of(tmp_path, single_file=True).startswith("sha256:ba7816bf8f01cfea")


@pytest.mark.parametrize("change", ["content", "name", "more", "moved"])
def test_every_change_of_a_folder_changes_its_digest(tmp_path: Path, change: str) -> None:
    before = model_digest.digest_of(files(tmp_path), single_file=False)
    match change:
        case "content":
            (tmp_path / "b").write_text("B")
        case "name":
            (tmp_path / "b").rename(tmp_path / "B")
        case "more":
            (tmp_path / "new").write_text("")
        case _:
            (tmp_path / "a" / "c").rename(tmp_path / "c")

    assert model_digest.digest_of(tmp_path, single_file=False) != before


def test_only_a_different_pinned_digest_is_a_mismatch() -> None:
    model_digest.require("sha256:1", pinned="", source="s")
    model_digest.require("sha256:1", pinned="sha256:1", source="s")
    with pytest.raises(SourceDigestMismatch):
        model_digest.require("sha256:1", pinned="sha256:2", source="s")


def ended(error: BaseException, work: Path) -> BuildReport:
    return report.of_failure(error, work=work, seconds={"fetch": 1.0})


def test_a_full_disk_is_reported_with_folder_and_remedy(tmp_path: Path) -> None:
    found = ended(OSError(errno.ENOSPC, "No space left on device"), tmp_path)

    assert found.reason == "BuildFailed"
    assert f"no space is left in {tmp_path}" in found.message
    assert "ephemeral-storage" in found.message


def test_a_really_full_disk_is_reported(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space") as full, Path("/dev/full").open("wb", buffering=0) as file:
        file.write(b"x")

    assert "no space is left" in ended(full.value, tmp_path).message


def test_missing_memory_is_its_own_reason(tmp_path: Path) -> None:
    assert ended(MemoryError(), tmp_path).reason == "BuildOutOfMemory"


def test_a_bug_is_reported_with_the_last_line_of_its_traceback(tmp_path: Path) -> None:
    found = ended(KeyError("oops"), tmp_path)

    assert (found.reason, found.message) == (
        "BuildFailed",
        "the build failed with an unexpected error (KeyError: 'oops'): see its log.",
    )
    assert found.seconds == {"fetch": 1.0}


def test_a_runtime_mismatch_reports_the_needed_runtime(tmp_path: Path) -> None:
    assert ended(RuntimeMismatch("no", "onnx"), tmp_path).wanted_runtime == "onnx"


def test_phases_are_timed_also_when_they_fail() -> None:
    times = iter([0.0, 1.5, 2.0, 2.25])
    phases = report.Phases(clock=lambda: next(times))
    with phases.phase("fetch"):
        pass
    with pytest.raises(ValueError, match="x"), phases.phase("hash"):
        raise ValueError("x")

    assert phases.seconds == {"fetch": 1.5, "hash": 0.25}


def test_a_build_ends_even_if_the_report_cannot_be_written(tmp_path: Path) -> None:
    report.write(BuildReport(reason="BuildFailed"), tmp_path / "absent" / "termination-log")


def test_failures_of_another_process_are_found_by_reason() -> None:
    for made in (failures.LoadFailed, failures.ExampleFailed, failures.PickleRefused, failures.OutOfMemory):
        assert failures.by_reason(made.reason) is made
    assert failures.by_reason("Unheard") is BuildBroken


def test_the_folders_are_the_contracts_unless_a_variable_moves_them() -> None:
    folders = Folders.from_environment({"SEATRIAL_WORK_FOLDER": "/elsewhere"})

    assert (folders.work, folders.model) == (Path("/elsewhere"), Path("/elsewhere/model"))
    assert folders.ca == Path(contract.CA_FOLDER)
    assert folders.termination == Path(contract.TERMINATION_MESSAGE_PATH)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://jo:pw@h.io:8443/a/b?sig=1#x", "https://h.io:8443/a/b"),
        ("https://h.io/a?sig=1&other=s3://b/k?x", "https://h.io/a"),
        ("ftp://h.io/a?sig=1", "ftp://h.io/a"),
        ("s3://bucket/a b/", "s3://bucket/a b/"),
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/what?/m#1.onnx", "s3://bucket/what?/m#1.onnx"),
        ("s3://jo:pw@bucket/what?", "s3://bucket/what?"),
        ("s3://jo:p/w@bucket/what?", "s3://…"),
        ("s3://bucket/a@b?c", "s3://bucket/a@b?c"),
        ("pvc://claim/what?/m", "pvc://claim/what?/m"),
        ("configmap://name/m#1", "configmap://name/m#1"),
        ("oci://r.io/a@sha256:00", "oci://r.io/a@sha256:00"),
    ],
)
def test_an_address_is_redacted(uri: str, shown: str) -> None:
    assert address.redacted(uri) == shown


def test_progress_has_bytes_and_percent() -> None:
    progress = Progress(40 << 20)
    progress.add(10 << 20)

    assert progress.line() == "fetched 10.0 MiB of 40.0 MiB, 25 %"
    assert Progress(None, done=1 << 20).line() == "fetched 1.0 MiB"
