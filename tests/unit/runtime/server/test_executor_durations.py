"""What is done on the loop, and what in a thread."""

from __future__ import annotations

from model_runtime.server.executor import SHORT, Durations


def test_a_size_without_a_duration_runs_in_a_thread() -> None:
    assert not Durations().is_short(100)


def test_short_predictions_run_on_the_event_loop() -> None:
    pace = Durations()
    pace.record(100, SHORT / 10, on_loop=False)
    assert pace.is_short(120)
    assert not pace.is_short(1_000)


def test_long_predictions_stay_in_threads() -> None:
    pace = Durations()
    pace.record(100, SHORT * 10, on_loop=False)
    assert not pace.is_short(100)


def test_a_single_long_prediction_is_tolerated() -> None:
    pace = Durations()
    pace.record(100, SHORT / 10, on_loop=False)
    pace.record(100, SHORT * 2, on_loop=True)
    assert pace.is_short(100)


def test_three_long_predictions_in_a_row_move_a_size_to_threads_for_good() -> None:
    pace = Durations()
    pace.record(100, 0.0, on_loop=False)
    for _ in range(3):
        pace.record(100, SHORT * 1.1, on_loop=True)
    for _ in range(100):
        pace.record(100, 0.0, on_loop=False)
    assert not pace.is_short(100)
