"""Warm-up predicts before the first request arrives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model_runtime.failures import ExampleFailed
from model_runtime.server.warmup import warm_up
from tests.unit.runtime.server import models
from tests.unit.runtime.server.serving import served


def test_warm_up_predicts_with_and_without_the_protocol() -> None:
    model = models.churn()
    warm_up(served(model), requests=3)
    assert len(model.asked) == 6


def test_warm_up_with_0_requests_does_nothing() -> None:
    model = models.churn()
    warm_up(served(model), requests=0)
    assert model.asked == []


def test_a_failing_example_reports_the_error_of_the_model() -> None:
    def broken(_: object) -> dict[str, np.ndarray]:
        raise KeyError("weights")

    with pytest.raises(ExampleFailed, match="KeyError: 'weights'"):
        warm_up(served(models.Fake(models.NUMBERS, broken)), requests=1)


def test_an_example_that_predict_cannot_express_is_no_failure() -> None:
    one = replace(served(models.sums()), example={"matrix": np.ones((1, 2))})
    warm_up(one, requests=1)
