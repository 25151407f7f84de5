"""What users get when the model, its source or the registry are not as they should be: reasons of the API."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import re
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from model_runtime import contract
from model_runtime.contract import BuildReport
from tests.unit.runtime.builder.harness import Job, push_secret, web_server
from tests.unit.runtime.registry.fixtures import free_port
from tests.unit.runtime.registry.proxy import Fault, RegistryProxy, responds_with

pytestmark = pytest.mark.slow  # each test is seconds; together they are a minute


def built_from(job: Job, files: dict[str, bytes], **changes: Any) -> BuildReport:
    """The report of a build whose volume holds these files."""
    (job.folder / "volume").unlink()
    (job.folder / "volume").mkdir()
    for name, content in files.items():
        (job.folder / "volume" / name).write_bytes(content)
    return job.asks(**{"uri": "pvc://models/", **changes}).run()


def stored_with(model: Path, version: str) -> bytes:
    """The model's file with another version of scikit-learn written into it."""
    import sklearn

    made = io.BytesIO()
    with zipfile.ZipFile(model) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(sklearn.__version__.encode(), version.encode()))
    return made.getvalue()


def test_a_corrupted_file_cannot_be_loaded(job: Job, iris_skops: Path) -> None:
    content = bytearray((iris_skops / "model.skops").read_bytes())
    content[200:400] = bytes(200)
    report = built_from(job, {"model.skops": bytes(content)})

    assert report.reason == "ModelLoadFailed"
    assert "model.skops is damaged" in report.message


def test_a_truncated_file_cannot_be_loaded(job: Job, iris_skops: Path) -> None:
    report = built_from(job, {"model.skops": (iris_skops / "model.skops").read_bytes()[:5000]})

    assert report.reason == "ModelLoadFailed"
    assert "damaged" in report.message


def test_a_pickle_is_rejected_with_a_remedy(job: Job, trained: Any) -> None:
    report = built_from(job, {"model.pkl": pickle.dumps(trained)})

    assert report.reason == "ModelPickleRefused"
    assert "skops.io.dump" in report.message
    assert "spec.model.allowPickle: true" in report.message


def test_an_allowed_pickle_is_built(job: Job, trained: Any) -> None:
    report = built_from(job, {"model.pkl": pickle.dumps(trained)}, allow_pickle=True)

    assert report.succeeded, job.log
    assert report.format == "sklearn"


def test_an_unknown_format_is_reported_with_the_files_and_the_known_formats(job: Job) -> None:
    report = built_from(job, {"weights.bin": b"\1\2\3\4", "tree.txt": b"tree\nversion=v4\n"})

    assert report.reason == "ModelFormatUnknown"
    assert "tree.txt (lightgbm)" in report.message
    assert "weights.bin (4 bytes, not a model)" in report.message
    assert "onnx, sklearn, skops, xgboost" in report.message


def test_a_digest_mismatch_is_reported_with_both_digests(job: Job, iris_skops: Path) -> None:
    pin = "sha256:" + "0" * 64
    report = job.asks(digest=pin).run()

    assert report.reason == "SourceDigestMismatch"
    assert pin in report.message
    assert hashlib.sha256((iris_skops / "model.skops").read_bytes()).hexdigest() in report.message


def test_the_pinned_files_are_built(job: Job, iris_skops: Path) -> None:
    pin = "sha256:" + hashlib.sha256((iris_skops / "model.skops").read_bytes()).hexdigest()

    assert job.asks(digest=pin).run().succeeded, job.log


def test_a_model_of_another_library_version_is_reported_with_both_versions(
    job: Job, iris_skops: Path
) -> None:
    import sklearn

    report = built_from(job, {"model.skops": stored_with(iris_skops / "model.skops", "0.99.9")})

    assert report.reason == "ModelLoadFailed", job.log
    assert "0.99.9" in report.message
    assert sklearn.__version__ in report.message


def test_an_archive_with_escaping_paths_is_rejected_and_nothing_is_written(job: Job) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        entry = tarfile.TarInfo("../../escaped")
        entry.size = 4
        tar.addfile(entry, io.BytesIO(b"evil"))
    report = built_from(job, {"model.tar.gz": packed.getvalue()}, uri="pvc://models/model.tar.gz")

    assert report.reason == "BuildFailed"
    assert "'../../escaped', which leads out of its folder" in report.message
    assert not list(job.folder.parent.glob("**/escaped"))


def test_an_archive_with_a_link_is_rejected(job: Job) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("model.skops")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(entry)
    report = built_from(job, {"model.tar": packed.getvalue()}, uri="pvc://models/model.tar")

    assert report.reason == "BuildFailed"
    assert "is a link or a device" in report.message


def test_a_damaged_archive_is_reported(job: Job) -> None:
    report = built_from(job, {"model.tar.gz": b"\x1f\x8bnothing"}, uri="pvc://models/model.tar.gz")

    assert report.reason == "ModelLoadFailed"
    assert "cannot be unpacked" in report.message


def test_a_missing_source_is_reported(job: Job) -> None:
    report = job.asks(uri="pvc://models/absent.skops").run()

    assert report.reason == "SourceNotFound"
    assert "pvc://models/absent.skops" in report.message


def test_a_missing_file_of_a_web_server_is_reported(job: Job, iris_skops: Path) -> None:
    with web_server(iris_skops) as address:
        report = job.asks(uri=f"{address}/absent.skops").run()

    assert report.reason == "SourceNotFound"
    assert "404" in report.message


def test_a_forbidden_source_is_reported_with_the_secret_to_check(job: Job, proxy: RegistryProxy) -> None:
    proxy.faults.append(Fault("GET", "model.skops", responds_with(403)))
    report = job.asks(uri=f"http://{proxy.host}/model.skops").run()

    assert report.reason == "SourceForbidden"
    assert "spec.model.credentials" in report.message


def test_an_unreachable_source_is_reported_as_transient(job: Job) -> None:
    report = job.asks(uri=f"http://127.0.0.1:{free_port()}/model.skops").run()

    assert report.reason == "SourceUnavailable"


def test_a_failing_example_is_reported_in_one_sentence(job: Job, iris_skops: Path) -> None:
    files = {"model.skops": (iris_skops / "model.skops").read_bytes(), "example.json": b"[[1, 2]]"}
    report = built_from(job, files)

    assert report.reason == "ModelExampleFailed"
    assert report.message == (
        "the model cannot predict from its example: instances: expected values of shape [any, 4], got shape [1, 2]. "
        "Put a valid input into example.json beside the model."
    )


def test_an_example_that_is_not_json_is_reported(job: Job, iris_skops: Path) -> None:
    files = {"model.skops": (iris_skops / "model.skops").read_bytes(), "example.json": b"[[1, 2"}

    assert built_from(job, files).reason == "ModelExampleFailed"


def test_a_model_that_crashes_its_process_is_reported_by_the_build(job: Job) -> None:
    code = b"\x80\x04csklearn\nshow_versions\n0cos\nabort\n)R."
    report = built_from(job, {"model.pkl": code}, allow_pickle=True)

    assert report.reason == "ModelLoadFailed"
    assert "SIGABRT while the model was loaded" in report.message


def test_a_model_killed_for_its_memory_is_reported_with_the_limit_to_raise(job: Job) -> None:
    kill = b"\x80\x04csklearn\nshow_versions\n0csignal\nraise_signal\n(K\x09tR."
    report = built_from(job, {"model.pkl": kill}, allow_pickle=True)

    assert report.reason == "BuildOutOfMemory"
    assert "spec.build.resources.limits.memory" in report.message


def test_a_model_of_another_runtime_reports_the_needed_one(job: Job, trained: Any) -> None:
    booster = b'{"learner":{"attributes":{},"feature_names":[]},"version":[3,0,0]}'
    report = built_from(job, {"model.json": booster})

    assert report.reason == contract.RUNTIME_MISMATCH
    assert report.wanted_runtime == "xgboost"


def test_an_unreachable_registry_is_reported_as_transient(job: Job) -> None:
    report = job.asks(repository=f"127.0.0.1:{free_port()}/models/churn").run()

    assert report.reason == "RegistryUnavailable"
    assert "cannot be reached" in report.message


def test_a_registry_that_requires_a_login_is_reported_with_the_secret_to_name(
    job: Job, proxy: RegistryProxy
) -> None:
    proxy.login = ("robot", "right")
    report = job.asks(repository=f"{proxy.host}/models/churn").run()

    assert report.reason == "RegistryUnauthorized"
    assert f"{proxy.host}/models/churn" in report.message
    assert "spec.build.registry.pushSecretName" in report.message


def test_a_wrong_password_is_reported_and_never_shown(job: Job, proxy: RegistryProxy) -> None:
    proxy.login = ("robot", "right")
    job.mount("push", push_secret(proxy.host, "robot", "wrong-pass"))
    report = job.asks(repository=f"{proxy.host}/models/churn").run()

    assert report.reason == "RegistryUnauthorized"
    assert "rejects the credentials" in report.message
    assert "wrong-pass" not in job.log + report.to_json()


def test_a_missing_runtime_image_is_reported(job: Job) -> None:
    report = job.asks(runtime_image=job.request.runtime_image + "9").run()

    assert report.reason == "RegistryUnavailable"
    assert "runtime image" in report.message


def test_a_request_of_another_version_is_reported(job: Job) -> None:
    job.environment[contract.BUILD_REQUEST_VARIABLE] = json.dumps({"version": 99})
    report = job.run()

    assert report.reason == "BuildFailed"
    assert "different versions" in report.message


def test_a_very_long_failure_still_fits_into_the_termination_message(job: Job) -> None:
    report = built_from(job, {f"{'ä' * 100}-{number}.bin": b"x" for number in range(50)})

    assert report.reason == "ModelFormatUnknown"
    assert len((job.folder / "termination-log").read_bytes()) <= contract.TERMINATION_MESSAGE_LIMIT


@pytest.mark.parametrize(
    ("uri", "reason", "said"),
    [
        pytest.param("ftp://a/b", "BuildFailed", "known: configmap, http, https", id="an unknown scheme"),
        pytest.param("pvc://models/../../etc", "BuildFailed", "leads out", id="a path that leads out"),
        pytest.param("http://127.0.0.1:1/a/", "BuildFailed", "cannot be listed", id="a folder on the web"),
    ],
)
def test_an_invalid_address(job: Job, uri: str, reason: str, said: str) -> None:
    report = job.asks(uri=uri).run()

    assert (report.reason, bool(re.search(said, report.message))) == (reason, True), report.message
