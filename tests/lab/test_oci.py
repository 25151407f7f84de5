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


def index_of(folder: Path, *images: Path) -> Path:
    """A layout of one index whose platforms are these images."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    children = []
    for image in images:
        (child,) = json.loads((image / "index.json").read_text())["manifests"]
        children.append(child)
        for blob in (image / "blobs" / "sha256").iterdir():
            (blobs / blob.name).write_bytes(blob.read_bytes())
    descriptor = oci._blob(blobs, {"schemaVersion": 2, "manifests": children}, f"{oci.MEDIA}index.v1+json")
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [descriptor]}))
    return folder


def test_an_index_is_stored_with_the_images_of_all_its_platforms(layout: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.tar").write_bytes(b"\0" * 10240)
    oci.write_layout(tmp_path / "other", tmp_path / "empty.tar", oci.Settings())
    index, storage = index_of(tmp_path / "index", layout, tmp_path / "other"), tmp_path / "storage"
    digest = oci.store(index, storage, "app", "v1")
    manifests = storage / "docker/registry/v2/repositories/app/_manifests"
    revisions = {path.parent.name for path in (manifests / "revisions").rglob("link")}
    wanted = [digest, oci.digest_of_image(layout), oci.digest_of_image(tmp_path / "other")]
    assert revisions == {each.removeprefix("sha256:") for each in wanted}
    assert [path.name for path in (manifests / "tags").iterdir()] == ["v1"]


def test_what_is_stored_twice_is_stored_once(layout: Path, tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    assert oci.store(layout, storage, "app", "v1") == oci.store(layout, storage, "app", "v1")
    before = sorted(storage.rglob("*"))
    oci.store(archive_of(layout), storage, "app", "v1")
    assert sorted(storage.rglob("*")) == before, "nor does another form of the image leave anything"


def test_two_repositories_share_the_bytes_of_an_image_and_each_says_that_it_has_them(
    layout: Path, tmp_path: Path
) -> None:
    storage = tmp_path / "storage"
    oci.store(layout, storage, "one", "v1")
    blobs = sorted(storage.rglob("data"))
    oci.store(layout, storage, "two", "v1")
    assert sorted(storage.rglob("data")) == blobs
    repositories = storage / "docker/registry/v2/repositories"
    links = [
        sorted(path.parent.name for path in (repositories / name / "_layers").rglob("link"))
        for name in ("one", "two")
    ]
    assert links[0] == links[1] != []


def test_an_archive_without_a_blob_says_which(layout: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.tar").unlink(missing_ok=True)
    with tarfile.open(tmp_path / "cut.tar", "w") as archive:
        archive.add(layout / "index.json", "index.json")
    with pytest.raises(FileNotFoundError, match=r"cut\.tar has no blobs/sha256/"):
        oci.store(tmp_path / "cut.tar", tmp_path / "storage", "app", "v1")


def test_the_same_content_is_the_same_image(layout: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    layer = tmp_path / "again.tar"
    (blob,) = [path for path in (layout / "blobs" / "sha256").iterdir() if tarfile.is_tarfile(path)]
    layer.write_bytes(blob.read_bytes())
    oci.write_layout(again, layer, oci.Settings(command=["/hello"], user="1:1"))
    assert oci.digest_of_image(again) == oci.digest_of_image(layout)
    assert not layer.exists(), "it was moved, not copied"


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(oci.Settings(command=["/hello"], user="2:2"), id="the user"),
        pytest.param(oci.Settings(command=["/other"], user="1:1"), id="the command"),
        pytest.param(oci.Settings(entrypoint=["/hello"], user="1:1"), id="an entrypoint instead"),
        pytest.param(oci.Settings(command=["/hello"], user="1:1", environment=()), id="the environment"),
    ],
)
def test_other_settings_are_another_image(layout: Path, tmp_path: Path, settings: oci.Settings) -> None:
    (blob,) = [path for path in (layout / "blobs" / "sha256").iterdir() if tarfile.is_tarfile(path)]
    (tmp_path / "again.tar").write_bytes(blob.read_bytes())
    oci.write_layout(tmp_path / "again", tmp_path / "again.tar", settings)
    assert oci.digest_of_image(tmp_path / "again") != oci.digest_of_image(layout)
