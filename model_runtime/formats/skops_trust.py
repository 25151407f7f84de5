"""Which types of a skops file are trusted beyond skops' own list: those that cannot run code of the file's author.

skops creates an object by its class, without a constructor of the file's choice, and fills its attributes. That is
harmless for the classes with which scikit-learn's estimators are built, and for functions that only compute numbers.
It is not for everything: a distribution of scipy.stats executes text from its attributes, and scikit-learn's own
`datasets` load pickles. So packages are listed, and what is looked up in them must be what it claims to be.
"""

from __future__ import annotations

from importlib import import_module
from types import BuiltinFunctionType, FunctionType
from typing import Final

_CLASSES: Final = (
    *(
        "_loss",
        "base",
        "calibration",
        "cluster",
        "compose",
        "covariance",
        "cross_decomposition",
        "decomposition",
    ),
    *("discriminant_analysis", "dummy", "ensemble", "feature_extraction", "feature_selection", "frozen"),
    *(
        "gaussian_process",
        "impute",
        "isotonic",
        "kernel_approximation",
        "kernel_ridge",
        "linear_model",
        "manifold",
    ),
    *("metrics", "mixture", "model_selection", "multiclass", "multioutput", "naive_bayes", "neighbors"),
    *("neural_network", "pipeline", "preprocessing", "random_projection", "semi_supervised", "svm", "tree"),
    *("utils._bunch", "utils._metadata_requests"),
)
"""The parts of scikit-learn whose classes are trusted."""
_FUNCTIONS: Final = ("cluster._kmeans", "feature_selection._univariate_selection", "metrics")
"""The parts of scikit-learn whose functions are: they take arrays and return numbers."""
_OTHERS: Final = frozenset(
    {
        "numpy.dtype",
        *(f"numpy.{name}" for name in ("max", "mean", "median", "min", "std", "sum", "var")),
        "scipy.interpolate._bsplines.BSpline",
        "scipy.interpolate._interpolate.interp1d",
        "scipy._lib.array_api_compat.numpy._aliases.asarray",
        "sklearn.utils.validation.check_array",
    }
)
_SPARSE: Final = "scipy.sparse."


def is_trusted(name: str) -> bool:
    """Return whether the type or function with this name cannot run code that a file brings."""
    if name in _OTHERS:
        return True
    module, _, attribute = name.rpartition(".")
    if not module.startswith(("sklearn.", _SPARSE)) or ".tests" in module:
        return False
    try:
        found = getattr(import_module(module), attribute, None)
    except ImportError:
        return False
    origin = str(getattr(found, "__module__", ""))  # not where the file found it: modules import from others
    if isinstance(found, type):
        return origin.startswith(_SPARSE) or _within(origin, _CLASSES)
    return isinstance(found, FunctionType | BuiltinFunctionType) and _within(origin, _FUNCTIONS)


def _within(module: str, parts: tuple[str, ...]) -> bool:
    return any(f"{module}.".startswith(f"sklearn.{part}.") for part in parts)
