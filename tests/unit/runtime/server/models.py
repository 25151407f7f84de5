"""Small models for the tests of the server: fakes in Python, and a real file."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from model_runtime.formats import InputMismatch, Signature, Tensors, TensorSpec

CHURN = Signature(
    inputs=(
        TensorSpec("age", "FP64", (-1,)),
        TensorSpec("plan", "BYTES", (-1,), ("free", "gold")),
        TensorSpec("calls", "INT64", (-1,)),
    ),
    outputs=(TensorSpec("prediction", "BYTES", (-1,)), TensorSpec("probabilities", "FP64", (-1, 2))),
    columns=("age", "plan", "calls"),
    classes=("no", "yes"),
)
NUMBERS = Signature(
    inputs=(TensorSpec("a", "FP64", (-1,)), TensorSpec("b", "FP64", (-1,))),
    outputs=(TensorSpec("prediction", "FP64", (-1,)),),
    columns=("a", "b"),
)
MATRIX = Signature(
    inputs=(TensorSpec("input", "FP32", (-1, 3)),), outputs=(TensorSpec("prediction", "FP32", (-1,)),)
)
TENSORS = Signature(
    inputs=(TensorSpec("image", "UINT8", (-1, 2, 2)), TensorSpec("scale", "FP32", (-1, 1))),
    outputs=(TensorSpec("sum", "FP32", (-1,)), TensorSpec("max", "UINT8", (-1,))),
)


@dataclass
class Fake:
    """Handlers by a function of its inputs, and remembers them."""

    signature: Signature
    answer: Callable[[Tensors], Tensors]
    asked: list[Tensors] = field(default_factory=list)

    def predict(self, inputs: Tensors, /, *, wanted: frozenset[str] | None = None) -> Tensors:
        """Return the wanted outputs of the function."""
        self.asked.append(inputs)
        outputs = self.answer(inputs)
        return {name: array for name, array in outputs.items() if wanted is None or name in wanted}


def churn() -> Fake:
    """Everybody older than 50 leaves."""

    def answer(inputs: Tensors) -> Tensors:
        leaves = inputs["age"] > 50
        labels = np.where(leaves, "yes", "no").astype(object)
        share = np.where(leaves, 0.75, 0.25)
        return {"prediction": labels, "probabilities": np.stack([1 - share, share], axis=1)}

    return Fake(CHURN, answer)


def sums() -> Fake:
    """Adds its columns."""

    def answer(inputs: Tensors) -> Tensors:
        arrays = list(inputs.values())
        total = arrays[0].sum(axis=1) if arrays[0].ndim == 2 else np.sum(arrays, axis=0)
        if np.isnan(total).any():
            raise ValueError("Input X contains NaN.\nmore about it")
        return {"prediction": total}

    return Fake(NUMBERS, answer)


def waiting_for(gate: threading.Event) -> Callable[[Tensors], Tensors]:
    """Handlers once the gate is open: slow as long as the test wants it."""

    def waits(inputs: Tensors) -> Tensors:
        gate.wait(30)
        return {"prediction": inputs["instances"].sum(axis=1)}

    return waits


def matrix() -> Fake:
    """Adds each row of its matrix."""
    return Fake(MATRIX, lambda inputs: {"prediction": next(iter(inputs.values())).sum(axis=1)})


def tensors() -> Fake:
    """Sums and maxima of small images."""

    def answer(inputs: Tensors) -> Tensors:
        for name in ("image", "scale"):
            if name not in inputs:
                raise InputMismatch(name, "this input is missing")
        image = inputs["image"].reshape(len(inputs["image"]), -1)
        return {
            "sum": image.sum(axis=1, dtype=np.float32) * inputs["scale"].ravel(),
            "max": image.max(axis=1),
        }

    return Fake(TENSORS, answer)


def store_classifier(folder: Path) -> Path:
    """A real scikit-learn classifier of three columns, as a skops file in the folder."""
    import skops.io as sio
    from sklearn.linear_model import LogisticRegression

    rows = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [5.0, 5.0, 1.0], [6.0, 5.0, 0.0]])
    folder.mkdir(parents=True, exist_ok=True)
    sio.dump(LogisticRegression().fit(rows, ["low", "low", "high", "high"]), folder / "model.skops")
    return folder
