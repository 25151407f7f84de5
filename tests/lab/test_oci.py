"""Images written and stored without a builder or a push are what a registry would have."""

import json
import tarfile
from pathlib import Path

import pytest

from tests.cluster import oci


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    layer = tmp_path / "layer.tar"
    (tmp_path / "hello").write_text("hello")
    with tarfile.open(layer, "w") as archive:
        archive.add(tmp_path / "hello", "hello")
    oci.write_layout(tmp_path / "image", layer, oci.Settings(command=["/hello"], user="1:1"))
    return tmp_path / "image"


def archive_of(layout: Path) -> Path:
    target = layout.with_suffix(".tar")
    with tarfile.open(target, "w") as archive:
        archive.add(layout, ".")
    return target


def test_the_digests_of_a_layout_are_those_of_its_blobs(layout: Path) -> None:
    for blob in (layout / "blobs" / "sha256").iterdir():
        assert oci._digest_of(blob) == f"sha256:{blob.name}"


def test_a_container_starts_as_the_settings_say(layout: Path) -> None:
    manifest = json.loads((layout / "blobs" / oci.digest_of_image(layout).replace(":", "/")).read_text())
    config = json.loads((layout / "blobs" / manifest["config"]["digest"].replace(":", "/")).read_text())
    assert config["config"]["Cmd"] == ["/hello"]
    assert config["config"]["User"] == "1:1"
    assert config["rootfs"]["diff_ids"] == [manifest["layers"][0]["digest"]]


@pytest.mark.parametrize("form", ["folder", "archive"])
def test_a_stored_image_has_all_that_a_registry_looks_for(layout: Path, tmp_path: Path, form: str) -> None:
    image = layout if form == "folder" else archive_of(layout)
    storage = tmp_path / "storage"
    digest = oci.store(image, storage, "team/app", "v1")
    assert digest == oci.digest_of_image(layout)
    repository = storage / "docker/registry/v2/repositories/team/app"
    assert (repository / "_manifests/tags/v1/current/link").read_text() == digest
    assert (repository / "_manifests/revisions" / digest.replace(":", "/") / "link").read_text() == digest
    stored = {path.parent.name for path in storage.rglob("data")}
    assert stored == {path.name for path in (layout / "blobs" / "sha256").iterdir()}


def test_storing_a_folder_copies_no_bytes(layout: Path, tmp_path: Path) -> None:
    oci.store(layout, tmp_path / "storage", "app", "v1")
    blob = next((layout / "blobs" / "sha256").iterdir())
    assert blob.stat().st_nlink == 2


def test_a_tag_moves(layout: Path, tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    oci.store(layout, storage, "app", "v1")
    other = tmp_path / "other"
    (tmp_path / "empty.tar").write_bytes(b"\0" * 10240)
    oci.write_layout(other, tmp_path / "empty.tar", oci.Settings())
    digest = oci.store(other, storage, "app", "v1")
    current = storage / "docker/registry/v2/repositories/app/_manifests/tags/v1/current/link"
    assert current.read_text() == digest


def test_equal_files_become_one(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("same")
    (tmp_path / "b").write_text("same")
    assert oci.replaced_by_link(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "a").samefile(tmp_path / "b")
    assert not oci.replaced_by_link(tmp_path / "a", tmp_path / "b")
