"""The whole build, as a Job runs it, with a real registry."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from model_runtime import contract
from model_runtime.contract import BuildReport, ModelCard
from model_runtime.formats import Signature
from model_runtime.registry import image_builder
from model_runtime.registry.references import Reference
from tests.unit.runtime.builder.harness import Job, push_secret, web_server
from tests.unit.runtime.registry.fixtures import MakeClient, files_in, push_image
from tests.unit.runtime.registry.proxy import RegistryProxy


def image_of(job: Job, report: BuildReport) -> Reference:
    assert report.succeeded, job.log
    return Reference.parse(f"{job.request.repository}@{report.image.partition('@')[2]}")


def config_of(registry: Any, image: Reference) -> dict[str, Any]:
    manifest = registry.manifest(image)
    return dict(registry.json_blob(image, manifest.body["config"]["digest"]))


Built = tuple[Job, BuildReport]
pytestmark = pytest.mark.slow  # each test is seconds; together they are a minute


def test_a_model_becomes_an_image_that_nodes_pull_by_digest(built: Built) -> None:
    job, report = built

    assert report.succeeded, job.log
    assert report.image.startswith("127.0.0.1:5000/models@sha256:")
    assert report.format == "skops"
    assert not report.cached
    assert {"lookup", "fetch", "hash", "bento", "load", "layers", "push", "total"} == set(report.seconds)


def test_the_build_of_a_small_model_takes_seconds(built: Built) -> None:
    job, _report = built

    assert job.cpu_seconds < 10, "of both processes together, on whatever machine this is"


def test_the_image_contains_the_model_a_complete_bento_and_the_files_of_the_server(
    built: Built, client_of: MakeClient, docker_registry: str, tmp_path: Path
) -> None:
    job, report = built
    entries = files_in(client_of(docker_registry), image_of(job, report), tmp_path)
    root = tmp_path / "root"

    card = ModelCard.from_json((root / contract.CARD_FILE[1:]).read_text())
    assert (card.name, card.format, card.path) == ("churn", "skops", "model.skops")
    assert card.digest == report.model_digest
    assert (root / contract.MODEL_FOLDER[1:] / card.path).is_file()
    signature = Signature.from_json((root / contract.SIGNATURE_FILE[1:]).read_text())
    assert [spec.shape for spec in signature.inputs] == [(-1, 4)]
    assert json.loads((root / contract.REFERENCE_FILE[1:]).read_text()) == {"inputs": {"input": [[0.0] * 4]}}
    ours = {name: entry for name, entry in entries.items() if name.startswith("opt/")}
    assert {entry.mode for entry in ours.values() if entry.isfile()} == {0o644}
    assert {entry.mode for entry in ours.values() if entry.isdir()} == {0o755}
    assert {entry.mtime for entry in ours.values()} == {job.request.source_date}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # BentoML's imports, and pydantic's own
def test_bentoml_reads_the_bento_back_under_the_build_id(
    built: Built, client_of: MakeClient, docker_registry: str, tmp_path: Path
) -> None:
    from bentoml._internal.bento import Bento

    job, report = built
    files_in(client_of(docker_registry), image_of(job, report), tmp_path)
    bento = Bento.from_path(tmp_path / "root" / contract.BENTO_FOLDER[1:])

    assert str(bento.tag) == f"churn:{job.request.build_id}"
    assert bento.info.service == "service:ModelServer"
    assert int(bento.info.creation_time.timestamp()) == job.request.source_date


def test_the_config_has_the_command_and_the_labels(
    built: Built, client_of: MakeClient, docker_registry: str
) -> None:
    job, report = built
    config = config_of(client_of(docker_registry), image_of(job, report))

    assert config["config"]["Entrypoint"] == list(contract.SERVER_COMMAND)
    assert "Cmd" not in config["config"]
    assert {"PATH=/bin", "HOME=/tmp", "BENTOML_DO_NOT_TRACK=True"} <= set(config["config"]["Env"])
    assert config["config"]["Labels"] == {
        "base": "yes",
        contract.LABEL_BUILD_ID: job.request.build_id,
        contract.LABEL_MODEL_DIGEST: report.model_digest,
        contract.LABEL_FORMAT: "skops",
        contract.LABEL_RUNTIME: "sklearn",
        contract.LABEL_SOURCE: "pvc://models/model.skops",
    }
    assert len(config["rootfs"]["diff_ids"]) == len(config["history"]) == 3


def test_the_same_inputs_make_the_same_image(job: Job, built: Built, iris_skops: Path) -> None:
    _job, first = built
    other = job.folder / "other-volume"
    shutil.copytree(iris_skops, other)
    os.utime(other / "model.skops", (1, 1))
    (job.folder / "volume").unlink()
    (job.folder / "volume").symlink_to(other)
    second = job.run()

    assert not second.cached
    assert first.image.partition("@")[2] == second.image.partition("@")[2] != ""


def test_an_existing_image_is_not_built_again(job: Job, built: Built) -> None:
    earlier, first = built
    (job.folder / "volume").unlink()
    second = job.asks(repository=earlier.request.repository).run()

    assert second.cached
    assert (second.image, second.model_digest, second.format) == (first.image, first.model_digest, "skops")
    assert "fetching" not in job.log


def test_an_existing_image_does_not_count_when_a_digest_is_pinned(job: Job, built: Built) -> None:
    """Whoever may push can predict the tag and write any label: only the files prove the digest."""
    earlier, first = built
    pinned = job.asks(repository=earlier.request.repository, digest=first.model_digest)
    (job.folder / "volume").rename(job.folder / "away")
    assert pinned.run().reason == "SourceNotFound"
    (job.folder / "away").rename(job.folder / "volume")
    second = pinned.run()
    assert (second.cached, second.image) == (False, first.image)


def test_an_image_without_the_build_id_label_does_not_count(
    job: Job, client_of: MakeClient, docker_registry: str
) -> None:
    tag = Reference.parse(f"{job.request.repository}:{job.request.build_id}")
    push_image(client_of(docker_registry), tag)

    assert not job.run().cached


@pytest.mark.parametrize("docker", [False, True], ids=["oci", "docker"])
def test_every_platform_of_the_runtime_gets_the_model(
    job: Job, client_of: MakeClient, docker_registry: str, docker: bool
) -> None:
    registry = client_of(docker_registry)
    runtime = Reference.parse(f"{docker_registry}/runtimes/many:{docker}".lower())
    push_image(registry, runtime, platforms=("amd64", "arm64"), docker=docker)
    image = image_of(job, job.asks(runtime_image=str(runtime)).run())

    index = registry.manifest(image)
    assert index is not None
    assert [entry["platform"]["architecture"] for entry in index.body["manifests"]] == ["amd64", "arm64"]
    for entry in index.body["manifests"]:
        one = Reference(image.host, image.path, digest=entry["digest"])
        assert config_of(registry, one)["architecture"] == entry["platform"]["architecture"]
        assert config_of(registry, one)["config"]["Labels"][contract.LABEL_FORMAT] == "skops"
    assert image_builder.labels_of(registry, image, index)[contract.LABEL_BUILD_ID] == job.request.build_id


def test_a_model_from_a_web_server_has_its_etag_or_date(job: Job, iris_skops: Path) -> None:
    with web_server(iris_skops) as address:
        report = job.asks(uri=f"{address}/model.skops").run()

    assert report.succeeded, job.log
    assert report.source["modified"]
    assert (
        report.model_digest
        == "sha256:" + hashlib.sha256((iris_skops / "model.skops").read_bytes()).hexdigest()
    )


def test_a_model_may_be_one_tar_with_its_example(job: Job, iris_skops: Path) -> None:
    packed = job.folder / "packed"
    packed.mkdir()
    (packed / "example.json").write_text("[[5.1, 3.5, 1.4, 0.2]]")
    with tarfile.open(packed / "churn.tar.gz", "w:gz") as tar:
        tar.add(iris_skops / "model.skops", "churn/model.skops")
        tar.add(packed / "example.json", "churn/example.json")
    with web_server(packed) as address:
        report = job.asks(uri=f"{address}/churn.tar.gz").run()

    assert report.succeeded, job.log


def test_a_folder_in_a_volume_is_a_model_with_all_its_files(
    job: Job, client_of: MakeClient, docker_registry: str, tmp_path: Path
) -> None:
    report = job.asks(uri="pvc://models/").run()
    files_in(client_of(docker_registry), image_of(job, report), tmp_path)

    assert (tmp_path / "root" / contract.MODEL_FOLDER[1:] / "model.skops").is_file()


def test_a_registry_that_requires_a_token_gets_one_for_the_user_of_the_secret(
    job: Job, proxy: RegistryProxy
) -> None:
    proxy.login = ("robot", "s3cret")
    name = job.request.repository.partition("/")[2]
    job.asks(repository=f"{proxy.host}/{name}", runtime_image=f"{proxy.host}/runtimes/sklearn:1")
    job.mount("push", push_secret(proxy.host, "robot", "s3cret"))
    report = job.run()

    assert report.succeeded, job.log
    assert "s3cret" not in job.log


def test_user_and_signature_in_the_address_are_never_shown(job: Job, iris_skops: Path) -> None:
    with web_server(iris_skops) as address:
        secret = address.replace("http://", "http://jo:hidden@")
        report = job.asks(uri=f"{secret}/model.skops?X-Amz-Signature=hidden").run()

    assert report.succeeded, job.log
    assert "hidden" not in job.log
    assert "hidden" not in report.to_json()
