"""skops files: scikit-learn estimators in a zip that runs no code when it is loaded."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Final

from model_runtime.failures import LoadFailed, PickleRefused
from model_runtime.formats import versions
from model_runtime.formats.sklearn_model import SklearnModel, model_of
from model_runtime.formats.skops_trust import is_trusted

MAX_COMPRESSION: Final = 64
"""A file that unpacks to more than this many times its size, and to more than 1 GiB, is not a model."""


def load(path: Path, *, allow_pickle: bool) -> SklearnModel:
    """Load the estimator in the file; types beyond those of scikit-learn and numpy need `allow_pickle`."""
    import skops.io as sio

    _require_valid(path)
    unknown = sorted(sio.get_untrusted_types(file=path))
    untrusted = [name for name in unknown if not is_trusted(name)]
    if untrusted and not allow_pickle:
        raise PickleRefused(
            f"{path.name} uses types that could run code: [{', '.join(untrusted[:10])}]{_surplus(untrusted)}. "
            f"Store it without them, or set spec.model.allowPickle: true if you trust its author."
        )
    try:
        with versions.compatible_sklearn(path.name):
            estimator = sio.load(path, trusted=unknown)
    except (AttributeError, ImportError, KeyError) as error:
        raise LoadFailed(_unloadable(path, error)) from error
    return model_of(estimator, name=path.name)


def _surplus(names: list[str]) -> str:
    return f" and {len(names) - 10} more" if len(names) > 10 else ""


def _require_valid(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(item.file_size for item in archive.infolist())
            damaged = archive.testzip() if unpacked < 1 << 30 else None
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, ValueError) as error:
        raise LoadFailed(f"{path.name} is damaged: {error}. Store and upload it again.") from error
    if damaged is not None:
        raise LoadFailed(
            f"{path.name} is damaged: the checksum of {damaged} is wrong. Store and upload it again."
        )
    if unpacked > max(1 << 30, MAX_COMPRESSION * path.stat().st_size):
        raise LoadFailed(f"{path.name} would unpack to {unpacked} bytes: it is not a model.")


def _unloadable(path: Path, error: Exception) -> str:
    sklearn, skops = recorded_versions(path)
    return (
        f"{path.name} cannot be loaded: {type(error).__name__}: {error}. It was stored with scikit-learn "
        f"{sklearn or 'of an unknown version'} and skops {skops or 'of an unknown version'}; the runtime has "
        f"{versions.installed('scikit-learn')} and {versions.installed('skops')}."
    )


def recorded_versions(path: Path) -> tuple[str, str]:
    """Return the versions of scikit-learn and skops that wrote the file; empty for one that it does not name."""
    with zipfile.ZipFile(path) as archive, archive.open("schema.json") as file:
        text = file.read(64 << 20).decode(errors="replace")
    sklearn = re.search(r'"_sklearn_version"\s*:\s*\{[^{}]*?"content"\s*:\s*"\\?"?([0-9][^"\\]*)', text)
    skops = re.search(r'"_skops_version"\s*:\s*"([^"]+)"', text)
    return (sklearn.group(1) if sklearn else "", skops.group(1) if skops else "")
