"""Models of another library version: refused with both versions, instead of answering a little wrongly."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata

from model_runtime.failures import LoadFailed


@contextmanager
def same_sklearn(name: str) -> Iterator[None]:
    """Within it, an estimator of another scikit-learn version ends in `LoadFailed`, which names both."""
    from sklearn.exceptions import InconsistentVersionWarning

    with warnings.catch_warnings():
        warnings.simplefilter("error", InconsistentVersionWarning)
        try:
            yield
        except InconsistentVersionWarning as found:
            raise LoadFailed(
                f"{name} was stored with scikit-learn {found.original_sklearn_version}, the runtime has "
                f"{found.current_sklearn_version}: train it again with that version, or name a runtime "
                f"with {found.original_sklearn_version} in spec.build.runtime."
            ) from found


def present(distribution: str) -> str:
    """The installed version, or a word that says there is none."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "none"
