"""s3, pvc, configmap, oci."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import pytest

from model_runtime import sources
from model_runtime.failures import BuildBroken, SourceForbidden, SourceNotFound, SourceUnavailable
from model_runtime.registry import blobs
from model_runtime.registry.client import OCI_MANIFEST
from model_runtime.registry.references import Reference
from model_runtime.sources import limits
from tests.unit.runtime.registry.fixtures import MakeClient, free_port, push_image, tar_of
from tests.unit.runtime.sources.servers import Site, bucket, fetch_request, fetched_files, serving

OBJECTS = {
    "churn/7/model.skops": b"model",
    "churn/7/deep/example.json": b"[]",
    "churn/70/x": b"other",
    "one.onnx": b"1",
}


def secret_for(folder: Path, address: str, **more: str) -> None:
    (folder / "credentials").mkdir(exist_ok=True)
    keys = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key", "AWS_ENDPOINT_URL": address, **more}
    for key, value in keys.items():
        (folder / "credentials" / key).write_text(value + "\n")


@pytest.mark.parametrize("uri", ["s3://models/churn/7/", "s3://models/churn/7"])
def test_a_folder_of_a_bucket_is_fetched_with_all_its_objects(tmp_path: Path, uri: str) -> None:
    with serving(bucket(OBJECTS)) as site:
        secret_for(tmp_path, site.address)
        fetched = sources.fetch(fetch_request(tmp_path, uri))

    assert fetched_files(tmp_path) == {"model.skops": b"model", "deep/example.json": b"[]"}
    assert not fetched.single_file


def test_one_object_is_fetched_with_its_etag(tmp_path: Path) -> None:
    with serving(bucket(OBJECTS)) as site:
        secret_for(tmp_path, site.address)
        fetched = sources.fetch(fetch_request(tmp_path, "s3://models/one.onnx"))

    assert fetched_files(tmp_path) == {"one.onnx": b"1"}
    assert (fetched.single_file, fetched.details["etag"]) == (True, "e1")


def authorization(site: Site) -> str:
    return {key.lower(): value for key, value in site.requests[0][2].items()}.get("authorization", "")


def test_the_secret_signs_the_requests(tmp_path: Path) -> None:
    with serving(bucket(OBJECTS)) as site:
        secret_for(tmp_path, site.address, AWS_REGION="eu-west-7")
        sources.fetch(fetch_request(tmp_path, "s3://models/one.onnx"))

    assert "Credential=id/" in authorization(site)
    assert "/eu-west-7/s3/" in authorization(site)


def test_a_public_bucket_needs_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    with serving(bucket(OBJECTS)) as site:
        (tmp_path / "credentials").mkdir()
        (tmp_path / "credentials" / "endpoint").write_text(site.address)
        sources.fetch(fetch_request(tmp_path, "s3://models/one.onnx"))

    assert authorization(site) == ""


def test_a_missing_key_is_reported(tmp_path: Path) -> None:
    with serving(bucket(OBJECTS)) as site:
        secret_for(tmp_path, site.address)
        with pytest.raises(SourceNotFound, match="s3://models/absent"):
            sources.fetch(fetch_request(tmp_path, "s3://models/absent"))


def test_access_denied_names_the_secret_to_check(tmp_path: Path) -> None:
    refusal = b"<Error><Code>InvalidAccessKeyId</Code></Error>"
    with serving(lambda handler: handler.answer(403, refusal)) as site:
        secret_for(tmp_path, site.address)
        with pytest.raises(SourceForbidden, match=r"spec\.model\.credentials"):
            sources.fetch(fetch_request(tmp_path, "s3://models/churn/7/"))


def test_an_unreachable_store_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from model_runtime.sources import object_store

    monkeypatch.setattr(object_store, "RETRIES", {"max_retries": 1})
    secret_for(tmp_path, f"http://127.0.0.1:{free_port()}")
    with pytest.raises(SourceUnavailable, match="cannot be read"):
        sources.fetch(fetch_request(tmp_path, "s3://models/one.onnx"))


def test_too_many_objects_are_reported(tmp_path: Path) -> None:
    objects = {f"m/{number}": b"" for number in range(101)}
    with serving(bucket(objects)) as site:
        secret_for(tmp_path, site.address)
        with pytest.raises(BuildBroken, match="more than 100 files"):
            sources.fetch(fetch_request(tmp_path, "s3://models/m/"))


# volumes and ConfigMaps


def volume(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / "volume" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.mark.parametrize(
    ("uri", "files"),
    [
        ("pvc://data", {"a/m": b"1", "b": b"2"}),
        ("pvc://data/", {"a/m": b"1", "b": b"2"}),
        ("pvc://data/a", {"m": b"1"}),
        ("pvc://data/a/m", {"m": b"1"}),
    ],
)
def test_a_volume_has_a_file_or_a_folder(tmp_path: Path, uri: str, files: dict[str, bytes]) -> None:
    sources.fetch(fetch_request(volume(tmp_path, {"a/m": "1", "b": "2"}), uri))

    assert fetched_files(tmp_path) == files


def test_a_config_map_is_read_through_the_links_of_kubernetes(tmp_path: Path) -> None:
    volume(tmp_path, {"..2025/m.json": "{}"})
    (tmp_path / "volume" / "..data").symlink_to("..2025")
    (tmp_path / "volume" / "m.json").symlink_to("..data/m.json")
    sources.fetch(fetch_request(tmp_path, "configmap://models/m.json"))

    assert fetched_files(tmp_path) == {"m.json": b"{}"}


def test_a_config_map_without_a_key_is_fetched_with_all_keys(tmp_path: Path) -> None:
    volume(tmp_path, {"..2025/m.json": "{}"})
    (tmp_path / "volume" / "..data").symlink_to("..2025")
    (tmp_path / "volume" / "m.json").symlink_to("..data/m.json")
    sources.fetch(fetch_request(tmp_path, "configmap://models"))

    assert fetched_files(tmp_path) == {"m.json": b"{}"}


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "absent"])
@pytest.mark.parametrize("uri", ["pvc://data/", "pvc://data/link"])
def test_a_link_out_of_the_volume_is_not_followed(tmp_path: Path, target: str, uri: str) -> None:
    (tmp_path / "outside").write_text("secret")
    volume(tmp_path, {"a": "1"})
    (tmp_path / "volume" / "link").symlink_to(target)

    with pytest.raises((BuildBroken, SourceNotFound)):
        sources.fetch(fetch_request(tmp_path, uri))
    assert b"secret" not in fetched_files(tmp_path).values()


def test_a_link_to_a_folder_is_not_followed(tmp_path: Path) -> None:
    volume(tmp_path, {"a/m": "1"})
    (tmp_path / "volume" / "a" / "loop").symlink_to(tmp_path / "volume")

    with pytest.raises(BuildBroken, match="is a link to a folder"):
        sources.fetch(fetch_request(tmp_path, "pvc://data/"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_reported(tmp_path: Path) -> None:
    volume(tmp_path, {"m": "1"})
    (tmp_path / "volume" / "m").chmod(0)

    with pytest.raises(SourceForbidden, match="readable"):
        sources.fetch(fetch_request(tmp_path, "pvc://data/m"))


def test_an_empty_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "volume" / "empty").mkdir(parents=True)

    with pytest.raises(SourceNotFound, match="has no files"):
        sources.fetch(fetch_request(tmp_path, "pvc://data/empty"))


# registries


def artifact(registry: Any, reference: Reference, layers: list[tuple[bytes, str, dict[str, str]]]) -> str:
    descriptors = []
    for content, kind, notes in layers:
        blob = blobs.from_bytes(content)
        registry.put_blob(reference, blob)
        descriptors.append(
            {"mediaType": kind, "digest": blob.digest, "size": blob.size, "annotations": notes}
        )
    config = blobs.from_bytes(b"{}")
    registry.put_blob(reference, config)
    body = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": config.digest, "size": 2},
        "layers": descriptors,
    }
    return str(registry.put_manifest(reference, OCI_MANIFEST, body))


TITLE = "org.opencontainers.image.title"


def fetched_artifact(
    host: str, client_of: MakeClient, folder: Path, layers: list[tuple[bytes, str, dict[str, str]]]
) -> sources.Fetched:
    reference = Reference.parse(f"{host}/artifacts/{folder.name}:1".lower().replace("_0", ""))
    artifact(client_of(host), reference, layers)
    return sources.fetch(fetch_request(folder, f"oci://{reference}", plain_http=frozenset({host})))


def test_blobs_with_titles_are_files(docker_registry: str, client_of: MakeClient, tmp_path: Path) -> None:
    layers = [
        (b"model", "x/y", {TITLE: "a/model.skops"}),
        (b"[]", "x/y", {TITLE: "example.json"}),
        (b"?", "x/y", {}),
    ]
    fetched = fetched_artifact(docker_registry, client_of, tmp_path, layers)

    assert fetched_files(tmp_path) == {"a/model.skops": b"model", "example.json": b"[]"}
    assert fetched.details["digest"].startswith("sha256:")
    assert not fetched.single_file


def test_one_blob_with_a_title_is_a_single_file(
    docker_registry: str, client_of: MakeClient, tmp_path: Path
) -> None:
    assert fetched_artifact(
        docker_registry, client_of, tmp_path, [(b"model", "x/y", {TITLE: "m"})]
    ).single_file


def test_layers_of_an_image_are_unpacked(docker_registry: str, client_of: MakeClient, tmp_path: Path) -> None:
    tar = gzip.compress(tar_of({"models/m": "1"}))
    fetched_artifact(
        docker_registry, client_of, tmp_path, [(tar, "application/vnd.oci.image.layer.v1.tar+gzip", {})]
    )

    assert fetched_files(tmp_path) == {"models/m": b"1"}


def test_the_first_platform_of_an_index_is_used(
    docker_registry: str, client_of: MakeClient, tmp_path: Path
) -> None:
    reference = Reference.parse(f"{docker_registry}/artifacts/many:1")
    push_image(client_of(docker_registry), reference, files={"m": "1"}, platforms=("amd64", "arm64"))
    sources.fetch(fetch_request(tmp_path, f"oci://{reference}", plain_http=frozenset({docker_registry})))

    assert fetched_files(tmp_path) == {"m": b"1"}


@pytest.mark.parametrize("title", ["../escaped", "/etc/escaped", "a/../../escaped", "a//b"])
def test_a_title_that_escapes_is_rejected(
    docker_registry: str, client_of: MakeClient, tmp_path: Path, title: str
) -> None:
    with pytest.raises(BuildBroken, match="leads out"):
        fetched_artifact(docker_registry, client_of, tmp_path, [(b"x", "x/y", {TITLE: title})])


def test_a_missing_artifact_is_reported(docker_registry: str, tmp_path: Path) -> None:
    plain = frozenset({docker_registry})
    with pytest.raises(SourceNotFound):
        sources.fetch(fetch_request(tmp_path, f"oci://{docker_registry}/absent:1", plain_http=plain))


def test_an_unreachable_registry_is_an_unavailable_source(tmp_path: Path) -> None:
    host = f"127.0.0.1:{free_port()}"
    with pytest.raises(SourceUnavailable):
        sources.fetch(fetch_request(tmp_path, f"oci://{host}/absent:1", plain_http=frozenset({host})))


def test_the_limits_come_from_the_free_disk_space(tmp_path: Path) -> None:
    found = limits.limits_of(tmp_path)

    assert found.files == 10_000
    assert 0 < found.size < os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
