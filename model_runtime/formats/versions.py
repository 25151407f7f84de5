"""Judge the library version that stored a model against the runtime's: the same minor version predicts the same.

Another minor version of the same major version is served with a warning, unless the library itself fails; another
major version is refused.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from typing import Final

from model_runtime.failures import LoadFailed

WARNINGS: Final = "seatrial.model"
"""The logger of warnings about a model; the build repeats them in its report."""
log = logging.getLogger(WARNINGS)


@contextmanager
def compatible_sklearn(name: str) -> Iterator[None]:
    """Judge the versions of the estimators that the block loads; `LoadFailed` has both when they do not fit."""
    from sklearn.exceptions import InconsistentVersionWarning

    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
    except (AttributeError, ImportError, KeyError, TypeError, ValueError) as error:
        if stored := [
            entry.message for entry in caught if isinstance(entry.message, InconsistentVersionWarning)
        ]:
            raise LoadFailed(_refused(name, stored[0])) from error
        raise
    stored_by = {}
    for entry in caught:
        if isinstance(entry.message, InconsistentVersionWarning):
            stored_by[str(entry.message.original_sklearn_version)] = entry.message
    for version, warning in sorted(stored_by.items()):
        _judge(name, version, warning)


def _judge(name: str, stored: str, warning: Warning) -> None:
    runtime = installed("scikit-learn")
    if _numbers(stored)[:2] == _numbers(runtime)[:2]:
        return
    if _numbers(stored)[:1] != _numbers(runtime)[:1]:
        raise LoadFailed(_refused(name, warning)) from warning
    log.warning(
        "%s was stored with scikit-learn %s, the runtime has %s: predictions may differ slightly. Train it again "
        "with %s, or set spec.build.runtime to a runtime with %s.",
        *(name, stored, runtime, runtime, stored),
    )


def _refused(name: str, warning: object) -> str:
    stored = getattr(warning, "original_sklearn_version", "an unknown version")
    return (
        f"{name} was stored with scikit-learn {stored}, the runtime has {installed('scikit-learn')}: train it again "
        f"with that version, or set spec.build.runtime to a runtime with {stored}."
    )


def _numbers(version: str) -> tuple[str, ...]:
    return tuple(version.split("."))


def installed(distribution: str) -> str:
    """Return the installed version, or "none"."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "none"
