"""Manifests come from outside: a malformed one is rejected with the reason."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model_runtime.failures import RegistryUnavailable
from model_runtime.registry import blobs, manifest_checks
from model_runtime.registry.client import OCI_INDEX, OCI_MANIFEST, RegistryClient
from model_runtime.registry.references import Reference
from tests.unit.runtime.registry.fixtures import MakeClient
from tests.unit.runtime.registry.proxy import Fault, RegistryProxy, responds_content

DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def registry(proxy: RegistryProxy, client_of: MakeClient) -> RegistryClient:
    return client_of(proxy.host)


@pytest.fixture
def here(proxy: RegistryProxy) -> Reference:
    return Reference.parse(f"{proxy.host}/flooded:1")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"<html>log in here</html>", "is not JSON", id="a page of a portal"),
        pytest.param(b"", "is not JSON", id="nothing"),
        pytest.param(b"[" * 100_000, "is not JSON", id="a nest without end"),
        pytest.param(b'{"schemaVersion": 2', "is not JSON", id="a half"),
        pytest.param(b"\xff\xfe", "is not JSON", id="no text"),
        pytest.param(b"[]", "not a JSON object", id="a list"),
        pytest.param(b"{}", "a descriptor has no valid digest", id="an empty object"),
        pytest.param(b'{"manifests": 7}', "has no list of manifests", id="a number of manifests"),
        pytest.param(b'{"manifests": [7]}', "no valid digest", id="manifests that are numbers"),
        pytest.param(b'{"manifests": [{}]}', "no valid digest", id="manifests without a digest"),
    ],
)
def test_an_invalid_manifest_is_reported(
    proxy: RegistryProxy, registry: RegistryClient, here: Reference, content: bytes, said: str
) -> None:
    proxy.faults.append(
        Fault("GET", "manifests", responds_content(200, content, content_type="application/json"))
    )

    with pytest.raises(RegistryUnavailable, match=said):
        registry.manifest(here)


def manifest(**changes: Any) -> dict[str, Any]:
    layer = {"mediaType": "x", "digest": DIGEST, "size": 1}
    return {"schemaVersion": 2, "config": {"digest": DIGEST}, "layers": [layer], **changes}


def layer(**changes: Any) -> dict[str, Any]:
    return manifest(layers=[{"digest": DIGEST, "size": 1, **changes}])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(manifest(config=None), id="no config"),
        pytest.param(manifest(config=[DIGEST]), id="a config that is a list"),
        pytest.param(manifest(layers=None), id="no layers"),
        pytest.param(manifest(layers={"a": 1}), id="layers that are an object"),
        pytest.param(layer(digest=7), id="a digest that is a number"),
        pytest.param(layer(digest="sha256:../../etc/passwd"), id="a digest that leads out"),
        pytest.param(layer(digest=f"{DIGEST}/../x"), id="a digest that leads on"),
        pytest.param(layer(digest="md5:" + "a" * 32), id="a digest of an old kind"),
        pytest.param(layer(size=-1), id="fewer bytes than none"),
        pytest.param(layer(size="9"), id="a size that is a text"),
        pytest.param(layer(size=True), id="a size that is a truth"),
        pytest.param(layer(size=1.5), id="a size that is no whole number"),
        pytest.param(layer(size=1 << 60), id="a size of a million disks"),
        pytest.param(layer(annotations=["a"]), id="annotations that are a list"),
    ],
)
def test_a_malformed_manifest_is_rejected(body: dict[str, Any]) -> None:
    with pytest.raises(RegistryUnavailable, match=r"^r\.io/a is not a valid image manifest"):
        manifest_checks.require_manifest(body, "r.io/a")


def test_a_valid_manifest_is_accepted() -> None:
    manifest_checks.require_manifest(manifest(), "r.io/a")
    manifest_checks.require_manifest(layer(size=0, annotations=None), "r.io/a")
    manifest_checks.require_index(
        {"manifests": [{"digest": "sha512:" + "0" * 128, "platform": None}]}, "r.io/a"
    )


ROOTFS = {"type": "layers", "diff_ids": []}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"rootfs": {"diff_ids": None}}, id="no layers"),
        pytest.param({"rootfs": ROOTFS, "config": ["a"]}, id="settings that are a list"),
        pytest.param({"rootfs": ROOTFS, "history": {"a": 1}}, id="a history that is an object"),
        pytest.param({"rootfs": ROOTFS, "config": {"Env": "PATH=/bin"}}, id="an environment that is a text"),
        pytest.param({"rootfs": ROOTFS, "config": {"Env": [7]}}, id="variables that are numbers"),
        pytest.param({"rootfs": ROOTFS, "config": {"Labels": ["a"]}}, id="labels that are a list"),
    ],
)
def test_a_malformed_config_is_rejected(body: dict[str, Any]) -> None:
    with pytest.raises(RegistryUnavailable):
        manifest_checks.require_config(body, "r.io/a")


_json = st.recursive(
    st.sampled_from([None, True, -1, 0, 1.5, "", "x", DIGEST]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["layers", "config", "manifests", "digest", "size", "platform", "rootfs", "diff_ids"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=st.dictionaries(st.sampled_from(["layers", "config", "manifests", "rootfs", "history"]), _json))
def test_any_object_is_accepted_or_rejected_with_a_failure(body: dict[str, Any]) -> None:
    for require in (
        manifest_checks.require_index,
        manifest_checks.require_manifest,
        manifest_checks.require_config,
    ):
        with contextlib.suppress(RegistryUnavailable):
            require(body, "r.io/a")


@pytest.mark.parametrize("kind", ["", "text/html", "application/octet-stream"])
@pytest.mark.parametrize(
    ("body", "means"), [(manifest(), OCI_MANIFEST), ({"manifests": [{"digest": DIGEST}]}, OCI_INDEX)]
)
def test_a_manifest_without_a_media_type_is_classified_by_its_content(
    proxy: RegistryProxy,
    registry: RegistryClient,
    here: Reference,
    kind: str,
    body: dict[str, Any],
    means: str,
) -> None:
    proxy.faults.append(
        Fault("GET", "manifests", responds_content(200, json.dumps(body).encode(), content_type=kind))
    )
    found = registry.manifest(here)

    assert found is not None
    assert found.media_type == means


@pytest.mark.parametrize("length", [64, 128], ids=["sha256", "sha512"])
def test_content_with_another_digest_is_rejected(
    proxy: RegistryProxy, registry: RegistryClient, here: Reference, length: int
) -> None:
    pinned = Reference(here.host, here.path, digest=f"sha{length * 4}:" + "a" * length)
    proxy.faults.append(Fault("GET", "manifests", responds_content(200, json.dumps(manifest()).encode())))

    with pytest.raises(RegistryUnavailable, match="other content"):
        registry.manifest(pinned)


@pytest.mark.parametrize("content", [b"", b"abc"])
@pytest.mark.parametrize("kind", ["sha256", "sha512"])
def test_both_kinds_of_digests_are_computed(content: bytes, kind: str, tmp_path: Path) -> None:
    import hashlib

    digest = f"{kind}:{hashlib.new(kind, content).hexdigest()}"
    (tmp_path / "f").write_bytes(content)

    assert blobs.has_digest(content, digest)
    assert blobs.file_has_digest(tmp_path / "f", digest)
    assert not blobs.has_digest(content + b"!", digest)
