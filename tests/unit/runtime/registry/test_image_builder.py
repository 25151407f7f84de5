"""Unusual runtime images: extended correctly, or rejected with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_runtime.failures import RegistryUnavailable
from model_runtime.registry import blobs, image_builder
from model_runtime.registry.client import OCI_INDEX, OCI_MANIFEST, Manifest, RegistryClient, canonical_json
from model_runtime.registry.image_builder import Additions, ImageBuilder, extended_config
from model_runtime.registry.layers import Layer, layer_of
from model_runtime.registry.references import Reference
from tests.unit.runtime.registry.fixtures import MakeClient, push_image
from tests.unit.runtime.registry.proxy import RegistryProxy

EMPTY: dict[str, Any] = {"rootfs": {"type": "layers", "diff_ids": ["sha256:0"]}}


@pytest.fixture
def registry(proxy: RegistryProxy, client_of: MakeClient) -> RegistryClient:
    return client_of(proxy.host)


@pytest.fixture
def here(proxy: RegistryProxy, request: pytest.FixtureRequest) -> Reference:
    return Reference.parse(f"{proxy.host}/i{abs(hash(request.node.nodeid)):x}:1")


@pytest.fixture
def layer(tmp_path: Path) -> Layer:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a").write_text("a")
    return layer_of(tmp_path / "files", "/opt/x", comment="ours")


def additions(layer: Layer) -> Additions:
    return Additions(layers=(layer,), command=("run",), environment={"A": "1"}, labels={"l": "v"})


# configs


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"config": None},
        {"config": {}},
        {"config": {"Env": None, "Labels": None}},
        {"history": None},
        {"history": []},
    ],
)
def test_a_config_without_settings_gets_them(layer: Layer, more: dict[str, Any]) -> None:
    made = extended_config({**EMPTY, **more}, additions(layer))

    assert made["config"] == {"Entrypoint": ["run"], "Env": ["A=1"], "Labels": {"l": "v"}}
    assert made["rootfs"]["diff_ids"] == ["sha256:0", layer.diff_id]
    assert [entry["comment"] for entry in made["history"]] == ["ours"]


def test_a_config_keeps_other_settings_and_the_base_is_not_modified(layer: Layer) -> None:
    run = {"User": "65532", "WorkingDir": "/tmp", "Cmd": ["sh"], "Env": ["A=0", "AB=2", "PATH=/bin"]}
    base = {**EMPTY, "architecture": "arm64", "config": run, "history": [{"created_by": "base"}]}
    made = extended_config(base, additions(layer))

    assert (made["config"]["User"], made["config"]["WorkingDir"], made["architecture"]) == (
        "65532",
        "/tmp",
        "arm64",
    )
    assert made["config"]["Env"] == ["AB=2", "PATH=/bin", "A=1"]
    assert "Cmd" not in made["config"]
    assert base["config"]["Env"][0] == "A=0"
    assert base["rootfs"] == {"type": "layers", "diff_ids": ["sha256:0"]}
    assert len(base["history"]) == 1


@given(
    body=st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=5),
    order=st.randoms(use_true_random=False),
)
def test_canonical_json_does_not_depend_on_the_order_of_keys(body: dict[str, Any], order: Any) -> None:
    keys = list(body)
    order.shuffle(keys)

    assert canonical_json(body) == canonical_json({key: body[key] for key in keys})


# lists of platforms


def test_an_index_of_indexes_is_rejected(
    registry: RegistryClient, here: Reference, layer: Layer, tmp_path: Path
) -> None:
    inner = push_image(registry, here, platforms=("amd64",))
    entry = {"mediaType": OCI_INDEX, "digest": inner, "size": 1, "platform": {"os": "linux"}}
    outer = Manifest(OCI_INDEX, "", {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]})

    with pytest.raises(RegistryUnavailable, match="is an index, not an image"):
        ImageBuilder(registry, here, here, tmp_path).push(outer, additions(layer))


@pytest.mark.parametrize("platforms", [[], [{"os": "unknown", "architecture": "unknown"}]])
def test_an_index_without_a_platform_is_rejected(
    registry: RegistryClient, here: Reference, layer: Layer, tmp_path: Path, platforms: list[dict[str, str]]
) -> None:
    entries = [{"digest": "sha256:" + "a" * 64, "size": 1, "platform": one} for one in platforms]
    index = Manifest(OCI_INDEX, "", {"schemaVersion": 2, "manifests": entries})

    with pytest.raises(RegistryUnavailable, match="has no platform"):
        ImageBuilder(registry, here, here, tmp_path).push(index, additions(layer))


def test_attestations_are_skipped(
    registry: RegistryClient, here: Reference, layer: Layer, tmp_path: Path
) -> None:
    runtime = Reference(here.host, f"{here.path}/runtime", tag="1")
    push_image(registry, runtime, platforms=("amd64",))
    found = registry.manifest(runtime)
    assert found is not None
    attested = {"digest": "sha256:" + "a" * 64, "size": 1, "platform": {"os": "unknown"}}
    body = {**found.body, "manifests": [attested, *found.body["manifests"]]}
    ImageBuilder(registry, runtime, here, tmp_path).push(Manifest(OCI_INDEX, "", body), additions(layer))

    made = registry.manifest(here)
    assert made is not None
    assert [entry["platform"]["os"] for entry in made.body["manifests"]] == ["linux"]
    assert image_builder.labels_of(registry, here, made)["l"] == "v"


def test_an_entry_without_a_platform_counts_as_one(
    registry: RegistryClient, here: Reference, layer: Layer, tmp_path: Path
) -> None:
    digest = push_image(registry, here)
    entry = {"mediaType": OCI_MANIFEST, "digest": digest, "size": 1, "platform": None}
    index = Manifest(OCI_INDEX, "", {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]})

    assert ImageBuilder(registry, here, here, tmp_path).push(index, additions(layer)).startswith("sha256:")


def test_an_entry_missing_from_the_registry_is_reported(
    registry: RegistryClient, here: Reference, layer: Layer, tmp_path: Path
) -> None:
    entry = {"digest": "sha256:" + "a" * 64, "size": 1, "platform": {"os": "linux"}}
    index = Manifest(OCI_INDEX, "", {"schemaVersion": 2, "manifests": [entry]})

    with pytest.raises(RegistryUnavailable, match="does not exist in its registry"):
        ImageBuilder(registry, here, here, tmp_path).push(index, additions(layer))


# labels of whatever stands under a tag


def stored(registry: RegistryClient, here: Reference, config: bytes, kind: str) -> Manifest:
    blob = blobs.from_bytes(config)
    registry.put_blob(here, blob)
    body = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": kind, "digest": blob.digest, "size": blob.size},
        "layers": [],
    }
    return Manifest(OCI_MANIFEST, registry.put_manifest(here, OCI_MANIFEST, body), body)


IMAGE = "application/vnd.oci.image.config.v1+json"


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        pytest.param(b"name: chart", "application/vnd.cncf.helm.config.v1+json", id="a chart"),
        pytest.param(b"{}", "application/vnd.oci.empty.v1+json", id="an artifact"),
        pytest.param(b"{}", IMAGE, id="an image without settings"),
        pytest.param(b'{"config": null}', IMAGE, id="an image with no settings"),
        pytest.param(b'{"config": [1]}', IMAGE, id="settings that are a list"),
        pytest.param(b'{"config": {"Labels": null}}', IMAGE, id="no labels"),
        pytest.param(b'{"config": {"Labels": ["a"]}}', IMAGE, id="labels that are a list"),
    ],
)
def test_other_artifacts_have_no_labels(
    registry: RegistryClient, here: Reference, config: bytes, kind: str
) -> None:
    assert image_builder.labels_of(registry, here, stored(registry, here, config, kind)) == {}


def test_labels_are_converted_to_strings(registry: RegistryClient, here: Reference) -> None:
    found = stored(registry, here, b'{"config": {"Labels": {"a": 1, "b": "x"}}}', IMAGE)

    assert image_builder.labels_of(registry, here, found) == {"a": "1", "b": "x"}
