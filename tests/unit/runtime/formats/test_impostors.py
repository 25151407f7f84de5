"""A file that is not the model which people meant is called by its name, with and without a wanted format."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
import zipfile
from pathlib import Path

import joblib
import pytest
from sklearn.linear_model import LinearRegression

from model_runtime import formats
from model_runtime.failures import FormatUnknown, LoadFailed


def tarred() -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("model.skops"))
    return held.getvalue()


def zipped() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("churn/model.onnx", "x")
    return held.getvalue()


IMPOSTORS = [
    pytest.param(
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
        "git-lfs pointer.*git lfs pull",
        id="a pointer",
    ),
    pytest.param(b"\xef\xbb\xbf\r\n<!-- x --><!doctype HTML><p>", r"web page \(HTML\)", id="a page"),
    pytest.param(b"<html lang=en>", r"web page \(HTML\).*raw or download address", id="a bare page"),
    pytest.param(
        b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
        "XML document that says 'AccessDenied'.*credentials",
        id="an error of a store",
    ),
    pytest.param(b"<Error><Code>NoSuchKey</Code></Error>", "'NoSuchKey'", id="a bare error of a store"),
    pytest.param(
        b'{"message": "Bad credentials"}', "JSON document that says 'Bad cred", id="an error in JSON"
    ),
    pytest.param(b'{"error": {"code": 404, "message": "gone"}}', "says 'gone'", id="a nested error"),
    pytest.param(b'{"errors": ["Repository not found"]}', "'Repository not found'", id="several errors"),
    pytest.param(b'{"a": 1}', "a JSON document, not a model", id="any JSON"),
    pytest.param(b"", "an empty file", id="nothing"),
    pytest.param(b"\0" * 4096, "an empty file", id="zeros"),
    pytest.param(zipped(), r"zip archive of 1 files \(churn/model.onnx\).*unpack it", id="a zip"),
    pytest.param(tarred(), "a tar archive", id="a tar"),
    pytest.param(gzip.compress(tarred()), "a tar archive compressed with gzip", id="a compressed tar"),
    pytest.param(gzip.compress(b"\x08\x08 a graph"), "a file compressed with gzip", id="compressed"),
    pytest.param(b"7z\xbc\xaf\x27\x1c", "a 7z archive", id="7z"),
]


@pytest.mark.parametrize("wanted", ["", "onnx", "skops", "sklearn", "xgboost"])
@pytest.mark.parametrize("name", ["model.onnx", "model.skops", "model.pkl", "weights"])
@pytest.mark.parametrize(("content", "words"), IMPOSTORS)
def test_a_file_that_is_no_model_is_called_by_its_name(
    tmp_path: Path, name: str, content: bytes, words: str, wanted: str
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(FormatUnknown, match=rf"^{name} is .*{words}"):
        formats.detect(tmp_path, wanted=wanted)


def test_among_several_files_the_one_that_people_meant_is_named(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# churn")
    (tmp_path / "model.onnx").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")

    with pytest.raises(FormatUnknown, match=r"^model\.onnx is a git-lfs pointer"):
        formats.detect(tmp_path)


def test_a_pointer_beside_a_model_is_no_obstacle(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "model.skops").write_bytes((shelf / "m.skops").read_bytes())
    (tmp_path / "big.onnx").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")

    assert formats.detect(tmp_path).format == "skops"


def test_a_pickle_of_plain_data_is_called_a_pickle(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(pickle.dumps({"weights": [1.0, 2.0]}))

    with pytest.raises(FormatUnknown, match=r"^model\.pkl is a pickle that names no type of scikit-learn"):
        formats.detect(tmp_path)
    with pytest.raises(FormatUnknown, match=r"spec\.model\.format is onnx, but model\.pkl is .* pickle"):
        formats.detect(tmp_path, wanted="onnx")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            {"model": LinearRegression().fit([[1.0]], [1.0]), "auc": 0.9},
            "'model' in it can predict: store that alone",
        ),
        ({"weights": [1.0]}, "its keys are 'weights'"),
        ([1.0, 2.0], "contains a list, which has neither predict nor transform"),
    ],
)
def test_a_pickle_that_holds_no_estimator_says_what_it_holds(
    tmp_path: Path, content: object, words: str
) -> None:
    joblib.dump(content, tmp_path / "model.joblib")
    found = formats.detect(tmp_path, wanted="sklearn")

    with pytest.raises(LoadFailed, match=words):
        formats.load(found.format, found.path, allow_pickle=True)


def test_a_pickle_that_names_a_script_says_where_its_code_must_go(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"\x80\x04c__main__\nclean_up\n.")

    with pytest.raises(LoadFailed, match=r"of the script that stored it .*clean_up.*into a module"):
        formats.load("sklearn", tmp_path / "model.pkl", allow_pickle=True)
