"""What failed is repeated with growing pauses, within bounds, and only when it may heal."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_runtime.retry import ONCE, RetryPolicy, TransientError, retry_after_seconds


class Failing:
    """Raises the errors one after another, then returns."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def timeouts(error: Exception) -> TransientError | None:
    return TransientError(error) if isinstance(error, TimeoutError) else None


def recorded(**values: float) -> tuple[RetryPolicy, list[float]]:
    """A policy that does not sleep, and the pauses it would have taken."""
    pauses: list[float] = []
    return RetryPolicy(sleep=pauses.append, **values), pauses  # type: ignore[arg-type]


def test_an_operation_that_works_is_called_once() -> None:
    operation = Failing()
    assert RetryPolicy().call(operation) == "done"
    assert operation.calls == 1


def test_a_transient_error_is_repeated_until_the_operation_works() -> None:
    policy, pauses = recorded()
    assert policy.call(Failing(TimeoutError(), TimeoutError()), transient=timeouts) == "done"
    assert len(pauses) == 2


def test_an_error_that_is_not_transient_passes_at_once() -> None:
    policy, pauses = recorded()
    with pytest.raises(ValueError, match="no"):
        policy.call(Failing(ValueError("no")), transient=timeouts)
    assert pauses == []


def test_the_last_failure_is_raised_from_the_error_behind_it() -> None:
    policy, _ = recorded(attempts=3)
    operation = Failing(*(TransientError(OSError(str(number))) for number in range(5)))
    with pytest.raises(OSError, match="2") as failure:
        policy.call(operation)
    assert operation.calls == 3
    assert isinstance(failure.value.__cause__, TransientError)


def test_pauses_double_up_to_the_longest_with_jitter() -> None:
    policy, pauses = recorded(attempts=5, first_pause=1, longest_pause=4)
    with pytest.raises(TimeoutError):
        policy.call(Failing(*(TimeoutError() for _ in range(5))), transient=timeouts)
    assert all(whole / 2 <= pause <= whole for pause, whole in zip(pauses, [1, 2, 4, 4], strict=True))


def test_retry_after_replaces_the_pause() -> None:
    policy, pauses = recorded()
    policy.call(Failing(TransientError(OSError(), retry_after=retry_after_seconds("7"))))
    assert pauses == [7.0]


def test_a_retry_after_that_is_too_long_ends_the_attempts() -> None:
    policy, pauses = recorded()
    with pytest.raises(OSError, match="busy"):
        policy.call(Failing(TransientError(OSError("busy"), retry_after=retry_after_seconds("3600"))))
    assert pauses == []


def test_all_pauses_together_are_bounded() -> None:
    policy, pauses = recorded(attempts=100, longest_wait=60)
    with pytest.raises(OSError, match="busy"):
        policy.call(Failing(*(TransientError(OSError("busy"), retry_after=25) for _ in range(100))))
    assert pauses == [25, 25]


def test_once_means_one_attempt() -> None:
    operation = Failing(TransientError(OSError("busy")))
    with pytest.raises(OSError, match="busy"):
        ONCE.call(operation)
    assert operation.calls == 1


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_keyboard_interrupt_and_exit_are_not_repeated(stop: Callable[[], BaseException]) -> None:
    def operation() -> None:
        raise stop()

    with pytest.raises((KeyboardInterrupt, SystemExit)):
        RetryPolicy().call(operation, transient=TransientError)


def test_a_policy_without_attempts_is_invalid() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        RetryPolicy(attempts=0)


def test_a_retry_after_date_is_ignored() -> None:
    assert retry_after_seconds("Wed, 21 Oct 2015 07:28:00 GMT") is None
    assert retry_after_seconds(None) is None


@given(header=st.text(max_size=30) | st.integers().map(str) | st.floats().map(str))
def test_any_retry_after_is_seconds_or_none(header: str) -> None:
    seconds = retry_after_seconds(header)
    assert seconds is None or seconds >= 0
    pause = RetryPolicy(attempts=2).pause_after(1, retry_after=seconds)
    assert pause is None or pause >= 0
