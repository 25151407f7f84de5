"""XGBoost boosters in JSON or UBJSON files; they need no scikit-learn wrapper."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from model_runtime.failures import LoadFailed
from model_runtime.formats import tabular, versions, xgboost_categories
from model_runtime.formats.base import Array, Tensors
from model_runtime.formats.signature import Signature, TensorSpec
from model_runtime.formats.sklearn_model import PREDICTION, PROBABILITIES

BINARY: Final = frozenset({"binary:logistic"})
MULTICLASS: Final = frozenset({"multi:softprob"})
LINEAR: Final = "gblinear"


@dataclass(frozen=True, slots=True)
class XgboostModel:
    """A booster; classes are numbers, because the file does not contain their names."""

    booster: Any
    signature: Signature
    objective: str
    in_place: bool = True
    """Linear boosters need a copy of the rows."""
    rounds: int = 0
    """The rounds of boosting whose trees predict; 0 means all of them."""
    categorical: bool = False
    """Some columns have categories, which the trees know by their positions."""

    def predict(self, inputs: Tensors, /, *, wanted: frozenset[str] | None = None) -> Tensors:
        """Return the prediction, and the probabilities of a classifier."""
        rows = self._coded(inputs) if self.categorical else tabular.matrix(inputs, self.signature)
        rows = rows.astype(np.float32, copy=False)
        outputs = self._outputs(np.asarray(self._scores(rows)))
        return outputs if wanted is None else {key: v for key, v in outputs.items() if key in wanted}

    def _coded(self, inputs: Tensors) -> Array:
        """Return the rows with the position of each category in its place."""
        columns = tabular.columns(inputs, self.signature)
        pairs = zip(self.signature.inputs, columns, strict=True)
        return np.column_stack(
            [tabular.codes(spec, column) if spec.closed else column for spec, column in pairs]
        )

    def _scores(self, rows: Array) -> Any:
        if self.in_place:
            return self.booster.inplace_predict(
                rows, validate_features=False, iteration_range=(0, self.rounds)
            )
        import xgboost

        return self.booster.predict(xgboost.DMatrix(rows), validate_features=False)

    def _outputs(self, scores: Array) -> Tensors:
        if self.objective in BINARY and scores.ndim == 2:
            return {PREDICTION: (scores > 0.5).astype(np.int64), PROBABILITIES: scores}
        if self.objective in BINARY:
            return {
                PREDICTION: (scores > 0.5).astype(np.int64),
                PROBABILITIES: np.stack([1 - scores, scores], axis=1),
            }
        if self.objective in MULTICLASS:
            return {PREDICTION: scores.argmax(axis=1), PROBABILITIES: scores}
        return {PREDICTION: scores.astype(np.int64) if self.signature.classes else scores}


def load(path: Path) -> XgboostModel:
    """Load the booster in the file; `LoadFailed` names both versions when a newer XGBoost wrote it."""
    import xgboost

    booster = xgboost.Booster()
    try:
        with xgboost.config_context(verbosity=0):  # it warns about every file name without .json or .ubj
            booster.load_model(path)
    except xgboost.core.XGBoostError as error:
        raise LoadFailed(
            f"{path.name} cannot be loaded by XGBoost {xgboost.__version__}: {_first_line(error)}"
        ) from error
    config = json.loads(booster.save_config())
    _require_not_newer(path)
    objective = str(config["learner"]["objective"]["name"])
    columns = tuple(booster.feature_names or ())
    targets = _number(config, "num_target")
    classes = _classes(objective, config) if targets < 2 else ()
    inputs = xgboost_categories.inputs_of(
        booster, tabular.inputs_of(columns, booster.num_features(), datatype="FP32")
    )
    signature = Signature(
        inputs=inputs,
        outputs=_outputs(objective, len(classes), targets=targets),
        columns=tuple(spec.name for spec in inputs) if len(inputs) > 1 else columns,
        classes=classes,
        open_types=False,
    )
    in_place = str(config["learner"]["gradient_booster"].get("name")) != LINEAR
    return XgboostModel(
        booster,
        signature,
        objective,
        in_place=in_place,
        rounds=_rounds(booster),
        categorical=any(spec.closed for spec in inputs),
    )


def _rounds(booster: Any) -> int:
    """Return the best round of a booster that stopped early: the scikit-learn wrapper predicts with that one."""
    best = booster.attr("best_iteration") if booster.attr("scikit_learn") else None
    return 0 if best is None else int(best) + 1


def _classes(objective: str, config: dict[str, Any]) -> tuple[int, ...]:
    if objective in BINARY:
        return (0, 1)
    return tuple(range(_number(config, "num_class"))) if objective.startswith("multi:") else ()


def _outputs(objective: str, classes: int, *, targets: int) -> tuple[TensorSpec, ...]:
    shape = (-1, targets) if targets > 1 else (-1,)
    if objective in BINARY | MULTICLASS:
        width = targets if targets > 1 else classes
        return (TensorSpec(PREDICTION, "INT64", shape), TensorSpec(PROBABILITIES, "FP32", (-1, width)))
    return (TensorSpec(PREDICTION, "INT64" if classes else "FP32", shape),)


def _number(config: dict[str, Any], key: str) -> int:
    return int(config["learner"]["learner_model_param"].get(key, "0"))


def _require_not_newer(path: Path) -> None:
    """Reject files of a newer major version: XGBoost guarantees to read older files only."""
    stored, installed = recorded_version(path), versions.installed("xgboost")
    if stored and stored[0] > int(installed.split(".")[0]):
        raise LoadFailed(
            f"{path.name} was stored with XGBoost {'.'.join(map(str, stored))}, the runtime has {installed}: "
            f"set spec.build.runtime to a newer runtime."
        )


def recorded_version(path: Path) -> tuple[int, ...]:
    """Return the version of XGBoost that wrote a JSON file; empty for UBJSON, and when it is at neither end."""
    with path.open("rb") as file:
        head = file.read(4096)
        file.seek(max(0, path.stat().st_size - 4096))
        ends = head + file.read(4096)
    _before, found, after = ends.partition(b'"version":[')
    numbers = after.partition(b"]")[0].split(b",") if found else []
    return tuple(int(number) for number in numbers if number.strip().isdigit())


def _first_line(error: Exception) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)[:400]
