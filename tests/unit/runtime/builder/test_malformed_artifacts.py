"""Artifacts whose manifests lie, or whose files stand in each other's way."""

from __future__ import annotations

import gzip
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from model_runtime import sources
from model_runtime.failures import BuildBroken, SourceForbidden, SourceUnavailable
from model_runtime.registry import blobs
from model_runtime.registry.client import OCI_MANIFEST
from model_runtime.registry.references import Reference
from tests.unit.runtime.builder.harness import Job
from tests.unit.runtime.registry.fixtures import MakeClient, tar_of
from tests.unit.runtime.registry.proxy import Fault, RegistryProxy, endless_response, responds_content
from tests.unit.runtime.sources.servers import fetch_request, fetched_files

TITLE = "org.opencontainers.image.title"
UNPACK = "io.deis.oras.content.unpack"


def artifact(proxy: RegistryProxy, layers: list[dict[str, Any]]) -> None:
    """Return a manifest of this content, correct or not."""
    body = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"digest": "sha256:" + "0" * 64},
        "layers": layers,
    }
    proxy.faults.append(Fault("GET", "manifests", responds_content(200, json.dumps(body).encode())))


def fetched(proxy: RegistryProxy, folder: Path) -> sources.Fetched:
    plain = frozenset({proxy.host})
    return sources.fetch(fetch_request(folder, f"oci://{proxy.host}/artifacts/a:1", plain_http=plain))


@pytest.mark.parametrize(
    "name", ["r.io/Churn:7", "r.io/churn:7:8", "r.io/:7", "jo:hidden@r.io/churn", "r.io/a b"]
)
def test_an_invalid_artifact_name_is_reported_as_permanent_without_secrets(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        BuildBroken, match=r"^spec\.model\.uri oci://\S+.* is not the name of an artifact: "
    ) as failed:
        sources.fetch(fetch_request(tmp_path, f"oci://{name}"))

    assert "oci://registry/repository:tag" in failed.value.message
    assert "hidden" not in failed.value.message


@pytest.mark.parametrize("digest", ["sha256:../../escaped", "../escaped", "sha256:" + "a" * 63, "", None])
def test_an_invalid_digest_is_not_used_as_a_file_name(
    proxy: RegistryProxy, tmp_path: Path, digest: Any
) -> None:
    artifact(proxy, [{"digest": digest, "size": 1, "annotations": {TITLE: "m"}}])

    with pytest.raises(SourceUnavailable, match="no valid digest"):
        fetched(proxy, tmp_path)
    assert not list(tmp_path.parent.glob("escaped"))
    assert proxy.count("GET", "blobs") == 0


def test_a_file_longer_than_in_its_manifest_is_not_read_to_its_end(
    proxy: RegistryProxy, tmp_path: Path
) -> None:
    artifact(proxy, [{"digest": "sha256:" + "a" * 64, "size": 10, "annotations": {TITLE: "m"}}])
    proxy.faults.append(Fault("GET", "blobs", endless_response(200), times=9))

    with pytest.raises(SourceUnavailable, match="more than the 10 bytes of"):
        fetched(proxy, tmp_path)
    assert proxy.flooded < 32 << 20


def test_files_larger_than_the_disk_are_reported_before_one_is_read(
    proxy: RegistryProxy, tmp_path: Path
) -> None:
    artifact(proxy, [{"digest": "sha256:" + "a" * 64, "size": 1 << 40, "annotations": {TITLE: "m"}}])

    with pytest.raises(BuildBroken, match="no space"):
        fetched(proxy, tmp_path)
    assert proxy.count("GET", "blobs") == 0


def stored(
    proxy: RegistryProxy, client_of: MakeClient, *contents: tuple[bytes, dict[str, str]]
) -> list[dict[str, Any]]:
    """The layers of an artifact whose blobs stand in the registry."""
    registry, here = client_of(proxy.host), Reference(proxy.host, "artifacts/a")
    layers = []
    for content, notes in contents:
        blob = blobs.from_bytes(content)
        registry.put_blob(here, blob)
        kind = "application/vnd.oci.image.layer.v1.tar+gzip" if content[:2] == b"\x1f\x8b" else "x/y"
        layers.append({"mediaType": kind, "digest": blob.digest, "size": blob.size, "annotations": notes})
    return layers


@pytest.mark.parametrize("titles", [("m", "m"), ("m", "m/n"), ("m/n", "m")])
def test_two_files_of_the_same_path_are_rejected(
    proxy: RegistryProxy, client_of: MakeClient, tmp_path: Path, titles: tuple[str, str]
) -> None:
    artifact(proxy, stored(proxy, client_of, *((title.encode(), {TITLE: title}) for title in titles)))

    with pytest.raises(BuildBroken, match="exists twice"):
        fetched(proxy, tmp_path)


def test_all_layers_count_against_one_quota(
    proxy: RegistryProxy, client_of: MakeClient, tmp_path: Path
) -> None:
    halves = [gzip.compress(tar_of({f"f{number}-{n}": "" for n in range(60)})) for number in range(2)]
    artifact(proxy, stored(proxy, client_of, *((half, {}) for half in halves)))

    with pytest.raises(BuildBroken, match="more than 100 files"):
        fetched(proxy, tmp_path)


def test_a_packed_folder_is_unpacked(proxy: RegistryProxy, client_of: MakeClient, tmp_path: Path) -> None:
    packed = gzip.compress(tar_of({"model/m": "1", "model/n": "2"}))
    artifact(proxy, stored(proxy, client_of, (packed, {TITLE: "model", UNPACK: "true"})))

    assert not fetched(proxy, tmp_path).single_file
    assert fetched_files(tmp_path) == {"model/m": b"1", "model/n": b"2"}


@pytest.mark.slow
def test_one_archive_in_a_folder_of_an_artifact_is_unpacked(
    job: Job, proxy: RegistryProxy, client_of: MakeClient, iris_skops: Path
) -> None:
    packed = job.folder / "model.tar.gz"
    with tarfile.open(packed, "w:gz") as tar:
        tar.add(iris_skops / "model.skops", "model.skops")
    host = job.request.repository.partition("/")[0]
    registry, here = (
        client_of(host),
        Reference.parse(f"{host}/artifacts/{job.folder.name}:1".lower().rstrip("_")),
    )
    config, blob = blobs.from_bytes(b"{}"), blobs.from_bytes(packed.read_bytes())
    for one in (config, blob):
        registry.put_blob(here, one)
    layer = {
        "mediaType": "x/y",
        "digest": blob.digest,
        "size": blob.size,
        "annotations": {TITLE: "deep/m.tar.gz"},
    }
    body = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": config.digest, "size": 2},
        "layers": [layer],
    }
    registry.put_manifest(here, OCI_MANIFEST, body)

    assert job.asks(uri=f"oci://{here}").run().succeeded, job.log


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ({}, r"no Secret has one: name a dockerconfigjson Secret in spec\.model\.credentials"),
        (
            {"username": "robot", "password": "old"},
            r"rejects the credentials .* check the Secret in spec\.model\.credentials, and .* may pull there",
        ),
    ],
    ids=["no login", "a refused one"],
)
def test_a_rejected_login_describes_the_secret_as_it_is(
    proxy: RegistryProxy, tmp_path: Path, secret: dict[str, str], said: str
) -> None:
    proxy.login = ("robot", "pass")
    (tmp_path / "credentials").mkdir()
    for key, value in secret.items():
        (tmp_path / "credentials" / key).write_text(value)

    with pytest.raises(SourceForbidden, match=f"^oci://{proxy.host}/a:1 cannot be read: .*{said}") as failure:
        sources.fetch(fetch_request(tmp_path, f"oci://{proxy.host}/a:1", plain_http=frozenset({proxy.host})))
    assert "pushSecretName" not in failure.value.message
