"""What is done on the loop, and what in a thread."""

from __future__ import annotations

from model_runtime.server.executor import SHORT, Durations


def test_unknown_sizes_go_to_a_thread() -> None:
    assert not Durations().is_short(100)


def test_sizes_that_were_quick_come_to_the_loop() -> None:
    pace = Durations()
    pace.record(100, SHORT / 10, on_loop=False)
    assert pace.is_short(120)
    assert not pace.is_short(1_000)


def test_sizes_that_were_slow_stay_in_threads() -> None:
    pace = Durations()
    pace.record(100, SHORT * 10, on_loop=False)
    assert not pace.is_short(100)


def test_one_hiccup_is_forgiven() -> None:
    pace = Durations()
    pace.record(100, SHORT / 10, on_loop=False)
    pace.record(100, SHORT * 2, on_loop=True)
    assert pace.is_short(100)


def test_three_slow_answers_running_on_the_loop_end_it_for_good() -> None:
    pace = Durations()
    pace.record(100, 0.0, on_loop=False)
    for _ in range(3):
        pace.record(100, SHORT * 1.1, on_loop=True)
    for _ in range(100):
        pace.record(100, 0.0, on_loop=False)
    assert not pace.is_short(100)
