"""Reject models of another library version, which may predict slightly wrong values."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata

from model_runtime.failures import LoadFailed


@contextmanager
def same_sklearn(name: str) -> Iterator[None]:
    """Raise `LoadFailed` with both versions when the block loads an estimator of another scikit-learn version."""
    from sklearn.exceptions import InconsistentVersionWarning

    with warnings.catch_warnings():
        warnings.simplefilter("error", InconsistentVersionWarning)
        try:
            yield
        except InconsistentVersionWarning as warning:
            raise LoadFailed(
                f"{name} was stored with scikit-learn {warning.original_sklearn_version}, the runtime has "
                f"{warning.current_sklearn_version}: train it again with that version, or set "
                f"spec.build.runtime to a runtime with {warning.original_sklearn_version}."
            ) from warning


def installed(distribution: str) -> str:
    """Return the installed version, or "none"."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "none"
