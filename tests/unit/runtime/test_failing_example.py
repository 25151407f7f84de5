"""Whatever a model raises on its example, build and server tell it in one sentence, the same in both."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from model_runtime.failures import ExampleFailed
from model_runtime.formats import InputMismatch, Tensors
from model_runtime.formats.examples import synthetic_example
from model_runtime.server import type_trial
from model_runtime.server.warmup import warm_up
from tests.unit.runtime.server import models
from tests.unit.runtime.server.serving import served

LONGEST = 400
HOW = "Put a valid input into example.json beside the model."
CHECK_FAILED = """
[12:00:00] /workspace/src/data/array_interface.h:218: Check failed: n % 8 == 0 (3 vs. 0)
Stack trace:
  [bt] (0) /usr/lib/libxgboost.so(+0x22dbbc) [0x7f]
"""


class Panic(BaseException):
    """What extensions written in Rust raise: no `Exception`."""


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


ERRORS = [
    pytest.param(ValueError("Input X contains NaN."), "ValueError: Input X contains NaN. ", id="a value"),
    pytest.param(KeyError("weights"), "KeyError: 'weights'. ", id="a key"),
    pytest.param(SystemExit(0), "SystemExit: 0. ", id="it leaves"),
    pytest.param(KeyboardInterrupt(), "KeyboardInterrupt. ", id="it interrupts"),
    pytest.param(Panic("index out of bounds"), "Panic: index out of bounds. ", id="a panic"),
    pytest.param(AssertionError(), "AssertionError. ", id="no words"),
    pytest.param(Mute(), "Mute. ", id="words that fail themselves"),
    pytest.param(RuntimeError("first\n  second\n"), "RuntimeError: first second. ", id="two lines"),
    pytest.param(RuntimeError(CHECK_FAILED), "== 0 (3 vs. 0). ", id="a trace of C++"),
    pytest.param(RuntimeError("x" * 9000), f"{'x' * 200}", id="many words"),
    pytest.param(
        InputMismatch("age", "this column is missing"), "age: this column is missing. ", id="our own"
    ),
]


def raising(error: BaseException) -> Callable[[Tensors], Tensors]:
    def answer(_: Tensors) -> Tensors:
        raise error

    return answer


def build_tries(model: models.Fake) -> None:
    type_trial.signature_of(model, synthetic_example(model.signature))


def server_warms_up(model: models.Fake) -> None:
    warm_up(served(model), requests=1)


BOTH = pytest.mark.parametrize("tries", [build_tries, server_warms_up])


@BOTH
@pytest.mark.parametrize(("error", "words"), ERRORS)
def test_the_failure_is_one_sentence_with_type_and_message_of_the_error(
    error: BaseException, words: str, tries: Callable[[models.Fake], None]
) -> None:
    with pytest.raises(ExampleFailed, match=r"^the model cannot predict from its example: ") as failed:
        tries(models.Fake(models.NUMBERS, raising(error)))

    message = failed.value.message
    assert words in message
    assert message.endswith(HOW)
    assert len(message) <= LONGEST
    assert not [trace for trace in ("\n", "Traceback", "File ", "[bt]", " | ") if trace in message]


@BOTH
def test_missing_memory_is_not_a_failure_of_the_example(tries: Callable[[models.Fake], None]) -> None:
    with pytest.raises(MemoryError):
        tries(models.Fake(models.NUMBERS, raising(MemoryError())))


def test_a_number_beyond_all_types_is_reported_with_its_place() -> None:
    example = {"a": np.array([10**400, None], dtype=object), "b": np.array([1, 2], dtype=object)}

    with pytest.raises(ExampleFailed, match=r"columns\.a\[0\]: expected a number \(FP64\)"):
        type_trial.signature_of(models.sums(), example)
