"""The same files have the same digest and layer in any order; other files do not."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from model_runtime.builder import model_digest
from model_runtime.registry import layers
from model_runtime.registry.layers import Layer, layer_of

_part = st.sampled_from(["a", "b", "a.b", "a-b", "a b", "ä", "Z", "0", "模", "_"])
_name = st.lists(_part, min_size=1, max_size=3).map("/".join)
_files = st.dictionaries(_name, st.binary(max_size=600), min_size=1, max_size=6).filter(
    lambda files: not any(f"{one}/" in f"{other}/" and one != other for one in files for other in files)
)
QUIET = settings(
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
    ],
    deadline=None,
    max_examples=40,
)


@pytest.fixture
def folders(tmp_path_factory: pytest.TempPathFactory) -> pytest.TempPathFactory:
    return tmp_path_factory


def written(folder: Path, files: dict[str, bytes], *, order: list[str], date: int = 0) -> Path:
    for name in order:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[name])
        path.chmod(0o600 if date else 0o755)
        os.utime(path, (date, date))
    return folder


def tar_of(layer: Layer) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(b"".join(layer.blob.read(0)))) as tar:
        return {m.name: file.read() for m in tar if (file := tar.extractfile(m)) is not None}


@QUIET
@given(files=_files, data=st.data())
def test_the_order_of_files_does_not_change_the_digest(
    folders: pytest.TempPathFactory, files: dict[str, bytes], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(sorted(files)))
    first = written(folders.mktemp("first"), files, order=sorted(files))
    second = written(folders.mktemp("second"), files, order=order, date=1_600_000_000)

    assert model_digest.digest_of(first, single_file=False) == model_digest.digest_of(
        second, single_file=False
    )
    one, other = (layer_of(folder, "/opt/m", comment="", date=9) for folder in (first, second))
    assert (one.blob.digest, one.blob.size, one.diff_id) == (
        other.blob.digest,
        other.blob.size,
        other.diff_id,
    )


@QUIET
@given(files=_files, others=_files)
def test_other_files_change_digest_and_layer(
    folders: pytest.TempPathFactory, files: dict[str, bytes], others: dict[str, bytes]
) -> None:
    assume(files != others)
    first = written(folders.mktemp("first"), files, order=sorted(files))
    second = written(folders.mktemp("second"), others, order=sorted(others))

    assert model_digest.digest_of(first, single_file=False) != model_digest.digest_of(
        second, single_file=False
    )
    assert layer_of(first, "/m", comment="").diff_id != layer_of(second, "/m", comment="").diff_id


@QUIET
@given(files=_files)
def test_a_layer_contains_the_files_of_the_folder(
    folders: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    folder = written(folders.mktemp("folder"), files, order=sorted(files))

    assert tar_of(layer_of(folder, "/opt/m", comment="")) == {
        f"opt/m/{name}": data for name, data in files.items()
    }


@QUIET
@given(files=_files, offset=st.integers(0, 12_000))
def test_a_large_layer_is_the_same_from_any_offset(
    folders: pytest.TempPathFactory, files: dict[str, bytes], offset: int
) -> None:
    folder = written(folders.mktemp("folder"), files, order=sorted(files))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layers, "LARGEST_COMPRESSED", 0)
        layer = layer_of(folder, "/opt/m", comment="")
    whole = b"".join(layer.blob.read(0))

    assert len(whole) == layer.blob.size
    assert b"".join(layer.blob.read(offset)) == whole[offset:]


def test_empty_folders_do_not_change_the_digest(tmp_path: Path) -> None:
    written(tmp_path, {"a": b"1"}, order=["a"])
    before = model_digest.digest_of(tmp_path, single_file=False)
    (tmp_path / "empty" / "folder").mkdir(parents=True)

    assert model_digest.digest_of(tmp_path, single_file=False) == before


def test_moving_content_between_files_changes_the_digest(tmp_path: Path) -> None:
    first = written(tmp_path / "1", {"a": b"xy", "b": b""}, order=["a", "b"])
    second = written(tmp_path / "2", {"a": b"x", "b": b"y"}, order=["a", "b"])

    assert model_digest.digest_of(first, single_file=False) != model_digest.digest_of(
        second, single_file=False
    )


def test_a_layer_does_not_depend_on_user_and_time(tmp_path: Path) -> None:
    layer = layer_of(written(tmp_path, {"a": b"1"}, order=["a"]), "/m", comment="")
    packed = b"".join(layer.blob.read(0))

    assert packed[:4] == b"\x1f\x8b\x08\x00", "no name of a file in the gzip header"
    assert packed[4:8] == bytes(4), "and no time"
