"""Warm-up predicts before the first request arrives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model_runtime.failures import ExampleFailed
from model_runtime.server.warmup import warm_up
from tests.unit.runtime.server import models
from tests.unit.runtime.server.serving import served


def test_warm_up_answers_the_example_as_often_as_it_is_told() -> None:
    model = models.churn()
    warm_up(served(model), requests=3)
    assert len(model.asked) == 3


def test_warm_up_with_0_requests_does_nothing() -> None:
    model = models.churn()
    warm_up(served(model), requests=0)
    assert model.asked == []


def test_a_failing_example_reports_the_error_of_the_model() -> None:
    def broken(_: object) -> dict[str, np.ndarray]:
        raise KeyError("weights")

    with pytest.raises(ExampleFailed, match="KeyError: 'weights'"):
        warm_up(served(models.Fake(models.NUMBERS, broken)), requests=1)


def test_an_example_may_be_one_matrix_of_all_columns() -> None:
    model = models.sums()
    warm_up(replace(served(model), example={"matrix": np.ones((1, 2))}), requests=1)
    assert [array.tolist() for array in model.asked[0].values()] == [[1.0], [1.0]]


def test_an_example_that_no_request_can_have_fails() -> None:
    unknown = replace(served(models.sums()), example={"a": np.ones(1), "c": np.ones(1)})
    with pytest.raises(ExampleFailed, match=r"columns\.b: expected a number"):
        warm_up(unknown, requests=1)


def test_an_example_whose_answer_json_cannot_have_fails() -> None:
    broken = models.Fake(models.NUMBERS, lambda _: {"prediction": np.array([object], dtype=object).T[0]})
    with pytest.raises(ExampleFailed, match="the model cannot predict from its example"):
        warm_up(served(broken), requests=1)
