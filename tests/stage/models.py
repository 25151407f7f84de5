"""Small real models of the handwritten digits in scikit-learn, with different accuracies."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import skops.io
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


@dataclass(frozen=True, slots=True)
class Digits:
    """Images of 8 × 8 pixels as rows of 64 numbers, and the digits they show."""

    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray


@cache
def digits() -> Digits:
    """Return the data; three quarters are for training, and the split is always the same."""
    images, labels = load_digits(return_X_y=True)
    train, test, train_labels, test_labels = train_test_split(images, labels, test_size=0.25, random_state=7)
    return Digits(train, train_labels, test, test_labels)


@cache
def first() -> Any:
    """Return the first model: a logistic regression on a hundred examples."""
    data = digits()
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(
        data.train[:100], data.train_labels[:100]
    )


@cache
def better() -> Any:
    """Return a better model: a support vector machine on all examples."""
    data = digits()
    return make_pipeline(StandardScaler(), SVC(gamma="scale", C=4.0)).fit(data.train, data.train_labels)


def accuracy(model: Any) -> float:
    """Return the share of test digits that the model recognizes."""
    data = digits()
    return float(model.score(data.test, data.test_labels))


def skops_file(model: Any) -> bytes:
    """Return the model as a skops file."""
    return bytes(skops.io.dumps(model))


def cut_short(model: Any) -> bytes:
    """Return a truncated file, as an interrupted upload leaves it."""
    whole = skops_file(model)
    return whole[: len(whole) // 2]


def request_body(index: int = 0) -> bytes:
    """Return a prediction request for one image of the test data."""
    row = digits().test[index].tolist()
    return json.dumps({"instances": [row]}).encode()


_DEGRADING = """
(lambda base, time, loaded_at: type("Degrading", (base,), {
    "predict": lambda self, rows: base.predict(self, rows)
    if time.monotonic() - loaded_at < SECONDS
    else (_ for _ in ()).throw(RuntimeError("out of ideas")),
}))(
    __import__("sklearn.linear_model").linear_model.LogisticRegression,
    __import__("time"),
    __import__("time").monotonic(),
)()
"""


class _Rebuilt:
    """Pickles as code that makes a fitted estimator with a fault: any pickle may do that once it is allowed."""

    def __init__(self, fitted: LogisticRegression, code: str) -> None:
        self.fitted = fitted
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return eval, (self.code,), self.fitted.__dict__


def failing_after(seconds: float) -> bytes:
    """Return a pickle of a good model whose predictions fail from `seconds` after it was loaded."""
    data = digits()
    fitted = LogisticRegression(max_iter=500).fit(data.train[:100], data.train_labels[:100])
    return pickle.dumps(_Rebuilt(fitted, _DEGRADING.replace("SECONDS", str(seconds)).strip()))
