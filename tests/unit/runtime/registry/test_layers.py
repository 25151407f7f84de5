"""Layers: what is in them, and that nothing but the files decides about their bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model_runtime.registry import layers
from model_runtime.registry.layers import Layer, layer_of


def files(folder: Path, *, date: int = 0, mode: int = 0o600, reverse: bool = False) -> Path:
    names = ["b.txt", "a/c.txt", "a/ä" + "x" * 150]
    for name in reversed(names) if reverse else names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        path.chmod(mode)
        os.utime(path, (date, date))
    return folder


def content(layer: Layer, offset: int = 0) -> bytes:
    return b"".join(layer.blob.read(offset))


def entries(layer: Layer) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(content(layer))) as tar:
        return tar.getmembers()


@pytest.fixture
def uncompressed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "LARGEST_COMPRESSED", 0)


def test_times_modes_and_order_do_not_change_a_layer(tmp_path: Path) -> None:
    first = layer_of(files(tmp_path / "a"), "/opt/x", comment="")
    second = layer_of(files(tmp_path / "b", date=9, mode=0o777, reverse=True), "/opt/x", comment="")

    assert first.blob.digest == second.blob.digest
    assert first.diff_id == second.diff_id


def test_a_layer_has_its_folders_and_is_readable_by_every_user(tmp_path: Path) -> None:
    found = entries(layer_of(files(tmp_path), "/opt/x/y", comment="", date=7))

    assert [entry.name for entry in found] == [
        "opt/x",
        "opt/x/y",
        "opt/x/y/a",
        "opt/x/y/a/c.txt",
        found[4].name,
        "opt/x/y/b.txt",
    ]
    assert {entry.mode for entry in found if entry.isdir()} == {0o755}
    assert {entry.mode for entry in found if entry.isfile()} == {0o644}
    assert {(entry.uid, entry.gid, entry.uname, entry.mtime) for entry in found} == {(0, 0, "", 7)}


@pytest.mark.usefixtures("uncompressed")
def test_a_large_layer_is_not_compressed_and_read_from_its_files(tmp_path: Path) -> None:
    layer = layer_of(files(tmp_path), "/opt/x", comment="")

    assert not layer.compressed
    assert layer.blob.digest == layer.diff_id == f"sha256:{hashlib.sha256(content(layer)).hexdigest()}"
    assert layer.blob.size == len(content(layer))


def test_compressed_and_plain_layers_contain_the_same_tar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = layer_of(files(tmp_path), "/opt/x", comment="")
    monkeypatch.setattr(layers, "LARGEST_COMPRESSED", 0)
    large = layer_of(tmp_path, "/opt/x", comment="")

    assert gzip.decompress(content(small)) == content(large)
    assert small.diff_id == large.diff_id


@pytest.mark.usefixtures("uncompressed")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(offset=st.integers(0, 8000), length=st.integers(1, 8000))
def test_a_layer_can_be_read_from_any_offset(tmp_path: Path, offset: int, length: int) -> None:
    layer = layer_of(files(tmp_path), "/opt/x", comment="")
    whole = content(layer)

    assert b"".join(layer.blob.chunks(offset, length)) == whole[offset : offset + length]


@pytest.mark.usefixtures("uncompressed")
def test_a_file_that_shrinks_during_the_upload_ends_it(tmp_path: Path) -> None:
    layer = layer_of(files(tmp_path), "/opt/x", comment="")
    (tmp_path / "b.txt").write_text("")

    with pytest.raises(OSError, match="became shorter"):
        content(layer)
