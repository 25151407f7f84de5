"""The first answers go to the process itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model_runtime.failures import ExampleFailed
from model_runtime.server.warmup import warm_up
from tests.unit.runtime.server import models
from tests.unit.runtime.server.serving import served


def test_the_example_is_answered_as_often_as_asked_both_bare_and_from_bytes() -> None:
    model = models.churn()
    warm_up(served(model), requests=3)
    assert len(model.asked) == 6


def test_nothing_is_asked_where_no_request_is_wanted() -> None:
    model = models.churn()
    warm_up(served(model), requests=0)
    assert model.asked == []


def test_an_example_that_fails_says_what_the_model_said() -> None:
    def broken(_: object) -> dict[str, np.ndarray]:
        raise KeyError("weights")

    with pytest.raises(ExampleFailed, match="KeyError: 'weights'"):
        warm_up(served(models.Fake(models.NUMBERS, broken)), requests=1)


def test_an_example_that_has_no_words_is_enough_as_tensors() -> None:
    one = replace(served(models.sums()), example={"matrix": np.ones((1, 2))})
    warm_up(one, requests=1)
