"""Models of another scikit-learn: the same minor version is served, the same major with a warning, others refused."""

from __future__ import annotations

import logging
import pickle
import zipfile
from pathlib import Path

import pytest
import skops.io
from sklearn import __version__ as runtime
from sklearn.linear_model import LinearRegression

from model_runtime import formats
from model_runtime.failures import LoadFailed
from model_runtime.formats import versions

MAJOR, MINOR = runtime.split(".")[:2]
SAME_MINOR = f"{MAJOR}.{MINOR}.99"
SAME_MAJOR = f"{MAJOR}.{int(MINOR) - 1}.0"


def stored(folder: Path, name: str, version: str) -> Path:
    """Store a model as another version would have done."""
    estimator = LinearRegression().fit([[0.0], [1.0]], [1.0, 3.0])
    path = folder / name
    if name.endswith(".pkl"):
        content = pickle.dumps(estimator, protocol=0)
        path.write_bytes(content.replace(f"V{runtime}\n".encode(), f"V{version}\n".encode()))
        return path
    skops.io.dump(estimator, folder / "original")
    with zipfile.ZipFile(folder / "original") as original, zipfile.ZipFile(path, "w") as changed:
        for item in original.namelist():
            text = original.read(item)
            if item == "schema.json":
                text = text.replace(runtime.encode(), version.encode())
            changed.writestr(item, text)
    (folder / "original").unlink()
    return path


FILES = pytest.mark.parametrize(("name", "kind"), [("m.pkl", "sklearn"), ("m.skops", "skops")])


@FILES
@pytest.mark.parametrize("version", [runtime, SAME_MINOR])
def test_the_same_minor_version_is_served_without_a_word(
    tmp_path: Path, name: str, kind: str, version: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = stored(tmp_path, name, version)

    assert formats.load(kind, path, allow_pickle=True).signature.inputs
    assert caplog.messages == []


@FILES
def test_the_same_major_version_is_served_with_a_warning(
    tmp_path: Path, name: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = stored(tmp_path, name, SAME_MAJOR)

    with caplog.at_level(logging.WARNING, versions.WARNINGS):
        formats.load(kind, path, allow_pickle=True)
    (message,) = caplog.messages
    assert message.startswith(f"{name} was stored with scikit-learn {SAME_MAJOR}, the runtime has {runtime}")
    assert f"set spec.build.runtime to a runtime with {SAME_MAJOR}" in message


@FILES
def test_another_major_version_is_refused_with_both_versions(tmp_path: Path, name: str, kind: str) -> None:
    path = stored(tmp_path, name, "0.24.2")

    with pytest.raises(LoadFailed, match=rf"stored with scikit-learn 0\.24\.2, the runtime has {runtime}"):
        formats.load(kind, path, allow_pickle=True)
