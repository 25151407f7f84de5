"""Formats are detected by content, not by file name."""

from __future__ import annotations

import os
import pickle
import shutil
import zipfile
from pathlib import Path

import pytest

from model_runtime import formats
from model_runtime.formats import FormatUnknown, sniffing

FORMATS = [
    ("m.skops", "skops"),
    ("m.pkl", "sklearn"),
    ("m.joblib", "sklearn"),
    ("m.joblib.z", "sklearn"),
    ("m.joblib.bz2", "sklearn"),
    ("m.xgb.json", "xgboost"),
    ("m.ubj", "xgboost"),
    ("m.onnx", "onnx"),
]


def holding(folder: Path, files: dict[str, bytes | Path]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            shutil.copy(content, path)
        else:
            path.write_bytes(content)
    return folder


@pytest.mark.parametrize(("name", "kind"), FORMATS)
def test_a_model_is_detected_without_a_file_name_ending(
    shelf: Path, tmp_path: Path, name: str, kind: str
) -> None:
    found = formats.detect(holding(tmp_path, {"anything": shelf / name}))

    assert (found.format, found.path) == (kind, tmp_path / "anything")


def test_companion_files_are_not_models(shelf: Path, tmp_path: Path) -> None:
    beside = {
        "README.md": b"# it",
        "example.json": b'{"learner": {}}',
        ".git/x": b"x",
        "empty": b"",
        "a.csv": b"1,2",
    }
    found = formats.detect(holding(tmp_path, {"deep/er/m": shelf / "m.onnx", **beside}))

    assert found.path == tmp_path / "deep/er/m"


def test_the_file_that_runs_no_code_is_preferred(shelf: Path, tmp_path: Path) -> None:
    folder = holding(tmp_path, {"a.pkl": shelf / "m.pkl", "b.skops": shelf / "m.skops"})

    assert formats.detect(folder).format == "skops"


def test_the_file_named_model_is_preferred(shelf: Path, tmp_path: Path) -> None:
    folder = holding(tmp_path, {"a.onnx": shelf / "m.onnx", "model.onnx": shelf / "m.onnx"})

    assert formats.detect(folder).path.name == "model.onnx"


def test_two_models_are_reported_with_a_remedy(shelf: Path, tmp_path: Path) -> None:
    folder = holding(tmp_path, {"a.onnx": shelf / "m.onnx", "b.skops": shelf / "m.skops"})

    with pytest.raises(FormatUnknown, match=r"a.onnx \(onnx\), b.skops \(skops\). Name one file"):
        formats.detect(folder)


def test_the_wanted_format_decides_between_two_models(shelf: Path, tmp_path: Path) -> None:
    folder = holding(tmp_path, {"a.onnx": shelf / "m.onnx", "b.pkl": shelf / "m.pkl"})

    assert formats.detect(folder, wanted="sklearn").path.name == "b.pkl"


def test_a_wanted_format_that_is_missing_is_reported(shelf: Path, tmp_path: Path) -> None:
    with pytest.raises(FormatUnknown, match=r"spec.model.format is xgboost, but the source has: a \(onnx\)"):
        formats.detect(holding(tmp_path, {"a": shelf / "m.onnx"}), wanted="xgboost")


def test_an_unknown_wanted_format_is_reported(tmp_path: Path) -> None:
    with pytest.raises(FormatUnknown, match="'sklaern' is unknown; known: onnx, sklearn, skops, xgboost"):
        formats.detect(tmp_path, wanted="sklaern")


def test_a_custom_class_in_a_pickle_is_accepted_with_a_wanted_format(tmp_path: Path) -> None:
    holding(tmp_path, {"m.pkl": pickle.dumps(os.getcwd)})

    with pytest.raises(FormatUnknown, match=r"m.pkl \(pickle\)"):
        formats.detect(tmp_path)
    assert formats.detect(tmp_path, wanted="sklearn").path.name == "m.pkl"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        pytest.param(b"tree\nversion=v4\nnum_class=1\n", "lightgbm", id="lightgbm"),
        pytest.param(b"CBM1" + b"\0" * 20, "catboost", id="catboost"),
        pytest.param(b"\x89HDF\r\n\x1a\n", "hdf5", id="hdf5"),
        pytest.param(b"\x1c\0\0\0TFL3", "tflite", id="tflite"),
        pytest.param(b"\x40\0\0\0\0\0\0\0" + b'{"weight": {}}', "safetensors", id="safetensors"),
        pytest.param(b'{"a": 1}', "", id="any JSON"),
        pytest.param(b"", "", id="nothing"),
        pytest.param(b"\x78\x9c\0\0", "", id="a damaged compression"),
        pytest.param(b"\x80\x04", "pickle", id="a pickle of nothing"),
        pytest.param(b"PK\x03\x04 cut off", "", id="a damaged zip"),
        pytest.param(bytes(range(256)) * 20, "", id="noise"),
    ],
)
def test_other_formats_are_named_in_the_failure(tmp_path: Path, content: bytes, kind: str) -> None:
    (tmp_path / "f").write_bytes(content)

    assert sniffing.kind_of(tmp_path / "f") == kind


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["archive/data.pkl"], "torch"),
        (["metadata.json", "config.json"], "keras"),
        (["schema.json"], "skops"),
        (["a.txt"], ""),
    ],
)
def test_zips_are_distinguished_by_their_entries(tmp_path: Path, names: list[str], kind: str) -> None:
    with zipfile.ZipFile(tmp_path / "f", "w") as archive:
        for name in names:
            archive.writestr(name, "{}")

    assert sniffing.kind_of(tmp_path / "f") == kind


def test_only_the_beginning_of_a_huge_file_is_read(tmp_path: Path) -> None:
    with (tmp_path / "f").open("wb") as file:
        file.truncate(1 << 40)

    with pytest.raises(FormatUnknown, match="not a model"):
        formats.detect(tmp_path)


def test_only_the_beginning_of_a_compressed_bomb_is_unpacked(tmp_path: Path) -> None:
    import bz2

    (tmp_path / "f").write_bytes(bz2.compress(bytes(50 << 20)))

    assert sniffing.kind_of(tmp_path / "f") == ""
