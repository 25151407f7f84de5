"""Small real models of the handwritten digits in scikit-learn, with different accuracies."""

from __future__ import annotations

import json
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
