"""Load a model file with the framework of its format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from model_runtime import failures
from model_runtime.failures import BuildFailure, FormatUnknown, LoadFailed
from model_runtime.formats.base import Loaded


def load(format: str, path: Path, *, allow_pickle: bool = False) -> Loaded:  # noqa: A002 - the name in the API
    """Return the model in the file `path`.

    `LoadFailed` has the error of the framework and the versions concerned, `PickleRefused` what must be trusted;
    `FormatUnknown` means that no framework here reads `format`.
    """
    if format not in _LOADERS:
        raise FormatUnknown(f"unknown format {format!r}; known: {', '.join(sorted(_LOADERS))}.")
    try:
        return _LOADERS[format](path, allow_pickle)
    except (BuildFailure, MemoryError):
        raise
    except ImportError as error:
        raise LoadFailed(
            f"{path.name} needs the Python module {error.name or error}, which this runtime image does not "
            f"have: set spec.build.runtime to a runtime that has it."
        ) from error
    except (Exception, SystemExit) as error:
        raise LoadFailed(f"{path.name} cannot be loaded as {format}: {failures.summary(error)}.") from error


def _skops(path: Path, allow_pickle: bool) -> Loaded:
    from model_runtime.formats import skops_file

    return skops_file.load(path, allow_pickle=allow_pickle)


def _sklearn(path: Path, allow_pickle: bool) -> Loaded:
    from model_runtime.formats import pickled

    return pickled.load(path, allow_pickle=allow_pickle)


def _xgboost(path: Path, _allow_pickle: bool) -> Loaded:
    from model_runtime.formats import xgboost_file

    return xgboost_file.load(path)


def _onnx(path: Path, _allow_pickle: bool) -> Loaded:
    from model_runtime.formats import onnx_file

    return onnx_file.load(path)


_LOADERS: Final[dict[str, Callable[[Path, bool], Loaded]]] = {
    "onnx": _onnx,
    "skops": _skops,
    "sklearn": _sklearn,
    "xgboost": _xgboost,
}

RUNTIME_OF: Final = {"onnx": "onnx", "skops": "sklearn", "sklearn": "sklearn", "xgboost": "xgboost"}
"""The name of the runtime in the catalogue that serves a format."""
