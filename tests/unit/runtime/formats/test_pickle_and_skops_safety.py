"""A pickle is rejected before its code runs, under any name and in any wrapping, unless it is allowed."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import pickle
import shutil
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model_runtime import formats
from model_runtime.failures import BuildFailure
from model_runtime.formats import FormatUnknown, LoadFailed, PickleRefused
from model_runtime.formats.examples import synthetic_example
from model_runtime.formats.loading import RUNTIME_OF

NAMES = ("model.skops", "model.onnx", "model.json", "model.ubj", "model.txt", "model", "model.pkl")


class Trap:
    """Leaves a folder behind when it is loaded; its pickle names scikit-learn as a real one does."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (os.mkdir, (str(self.mark),), {"module": "sklearn.linear_model"})


def zipped(content: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("schema.json", content)
        archive.writestr("model.pkl", content)
    return held.getvalue()


WRAPPINGS: dict[str, Callable[[bytes], bytes]] = {
    "bare": bytes,
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "bz2": bz2.compress,
    "lzma": lambda content: lzma.compress(content, format=lzma.FORMAT_ALONE),
    "xz": lzma.compress,
    "zip": zipped,
    "after a JSON's beginning": lambda content: b'{"learner": {}}' + content,
    "after a graph's beginning": lambda content: b"\x08\x08\x12\x04skl2\x3a\x02\x0a\x00" + content,
}


def served(folder: Path, *, allow_pickle: bool = True) -> formats.Loaded:
    """The folder's model, found and loaded."""
    found = formats.detect(folder)
    return formats.load(found.format, found.path, allow_pickle=allow_pickle)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "it-ran"


@pytest.mark.parametrize("protocol", [0, 2, pickle.HIGHEST_PROTOCOL])
@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_no_code_of_a_file_runs_by_default(tmp_path: Path, mark: Path, wrapping: str, protocol: int) -> None:
    content = WRAPPINGS[wrapping](pickle.dumps(Trap(mark), protocol))
    for name in NAMES:
        path = tmp_path / name
        path.write_bytes(content)
        for kind in RUNTIME_OF:
            with pytest.raises(BuildFailure):
                formats.load(kind, path)
        assert not mark.exists(), f"{name} ran"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("wanted", ["", *RUNTIME_OF])
def test_a_pickle_is_detected_under_any_file_name(
    shelf: Path, tmp_path: Path, name: str, wanted: str
) -> None:
    shutil.copy(shelf / "m.pkl", tmp_path / name)
    if wanted not in ("", "sklearn"):
        with pytest.raises(
            FormatUnknown, match=rf"spec\.model\.format is {wanted}, but .*{name} \(sklearn\)"
        ):
            formats.detect(tmp_path, wanted=wanted)
        return
    found = formats.detect(tmp_path, wanted=wanted)
    assert found.format == "sklearn"
    with pytest.raises(PickleRefused, match="allowPickle"):
        formats.load(found.format, found.path)


def test_the_malicious_pickle_runs_code_when_it_is_loaded(tmp_path: Path, mark: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(Trap(mark)))
    with pytest.raises(LoadFailed):  # what it leaves is no model
        formats.load("sklearn", tmp_path / "m.pkl", allow_pickle=True)
    assert mark.exists()


@pytest.mark.parametrize("name", ["m.skops", "m.onnx", "m.xgb.json", "m.ubj", "zipmap.onnx"])
@pytest.mark.parametrize("called", ["model.pkl", "model.onnx", "weights"])
def test_a_safe_format_is_loaded_under_any_file_name(
    shelf: Path, tmp_path: Path, name: str, called: str
) -> None:
    shutil.copy(shelf / name, tmp_path / called)
    model = served(tmp_path, allow_pickle=False)
    assert model.predict(synthetic_example(model.signature))


@pytest.mark.parametrize("name", ["m.skops", "m.onnx", "m.xgb.json", "m.ubj", "m.pkl", "m.joblib.z"])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.99])
def test_a_file_truncated_anywhere_is_reported_without_side_effects(
    shelf: Path, tmp_path: Path, name: str, share: float
) -> None:
    content = (shelf / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * share)])
    with pytest.raises((LoadFailed, FormatUnknown), match=name):
        served(tmp_path)


@pytest.mark.parametrize("name", ["m.skops", "m.onnx", "m.xgb.json", "m.ubj"])
def test_a_corrupted_file_is_loaded_or_reported_without_side_effects(
    shelf: Path, tmp_path: Path, name: str
) -> None:
    content = bytearray((shelf / name).read_bytes())
    for place in range(len(content) // 3, len(content) // 3 + 40):
        content[place] ^= 0x55
    (tmp_path / name).write_bytes(content)
    try:
        model = served(tmp_path, allow_pickle=False)
    except (LoadFailed, FormatUnknown, PickleRefused):
        return
    assert model.signature.inputs
