"""How many requests may be in flight: more while answers are fast, fewer once they are slow or refused."""

from __future__ import annotations

import pytest

from seatrial.kube.concurrency import (
    FEWEST,
    MEMORY,
    MOST,
    NEVER_SLOW,
    Answer,
    ConcurrencyLimit,
    MovingMinimum,
    Sample,
)

FIRST = 20


def limit_after(*samples: tuple[float, float, Answer], in_flight: int = FIRST) -> int:
    """Return the limit after answers to requests of one operation: when sent, how long it took, what came."""
    limit = ConcurrencyLimit(first=FIRST)
    for sent_at, seconds, answer in samples:
        sample = Sample(operation="create Service", sent_at=sent_at, answer=answer, in_flight=in_flight)
        limit.record(sample, sent_at + seconds)
    return limit.value


FAST = (0.0, 0.01, Answer.SERVED)


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        pytest.param([], FIRST, id="nothing was sent"),
        pytest.param([FAST] * 19, 20, id="fewer fast answers than requests in flight"),
        pytest.param([FAST] * 21, 21, id="as many fast answers as requests in flight"),
        pytest.param(
            [FAST, (1.0, NEVER_SLOW, Answer.SERVED)], 20, id="an answer within Kubernetes' objective"
        ),
        pytest.param([FAST, (1.0, 1.1, Answer.SERVED)], 14, id="a slow answer"),
        pytest.param([(0.0, 3.0, Answer.SERVED)], 20, id="the first answer, with nothing to compare it with"),
        pytest.param(
            [(0.0, 3.0, Answer.SERVED), (3.0, 11.0, Answer.SERVED)],
            20,
            id="an answer that took less than four times as long",
        ),
        pytest.param(
            [FAST, (1.0, 2.0, Answer.SERVED), (1.5, 2.0, Answer.SERVED)],
            14,
            id="slow answers to requests that were in flight together lower it once",
        ),
        pytest.param(
            [FAST, (1.0, 2.0, Answer.SERVED), (3.0, 2.0, Answer.SERVED)],
            9,
            id="a slow answer to a request that was sent under the lowered limit lowers it again",
        ),
        pytest.param([(0.0, 0.0, Answer.OVERLOADED)], 10, id="a refusal for want of capacity, or a time-out"),
        pytest.param([(0.0, 40.0, Answer.SAYS_NOTHING)], 20, id="a network error"),
        pytest.param(
            [(float(n), 0.5, Answer.OVERLOADED) for n in range(50)], FEWEST, id="refusals without end"
        ),
        pytest.param([FAST] * 10_000, MOST, id="fast answers without end"),
    ],
)
def test_the_limit_follows_the_answers(samples: list[tuple[float, float, Answer]], expected: int) -> None:
    assert limit_after(*samples, in_flight=MOST) == expected


def test_the_limit_does_not_grow_while_it_is_not_used() -> None:
    assert limit_after(*[FAST] * 1000, in_flight=FIRST // 2) == FIRST


def test_a_latency_that_lasts_is_that_of_the_network_and_lowers_the_limit_only_at_first() -> None:
    limit = ConcurrencyLimit(first=FIRST)

    def answered(sent_at: float, seconds: float) -> None:
        sample = Sample(
            operation="create Service", sent_at=sent_at, answer=Answer.SERVED, in_flight=limit.value
        )
        limit.record(sample, sent_at + seconds)

    answered(0.0, 0.01)
    for number in range(40):
        answered(5.0 * number, 5.0)
        if number == 5:
            assert limit.value == FEWEST
    assert limit.value > FEWEST


def test_operations_are_judged_by_their_own_fastest_answer() -> None:
    limit = ConcurrencyLimit(first=FIRST)
    limit.record(Sample(operation="get Lease", sent_at=0.0, answer=Answer.SERVED, in_flight=1), 0.001)
    limit.record(Sample(operation="create Service", sent_at=0.0, answer=Answer.SERVED, in_flight=1), 3.0)
    assert limit.value == FIRST


def test_the_reserve_is_a_quarter_and_at_least_two() -> None:
    assert [ConcurrencyLimit(first=n, fewest=1).reserve for n in (4, 24, 64)] == [2, 6, 16]


def test_a_moving_minimum_forgets_what_is_older_than_twice_its_memory() -> None:
    minimum = MovingMinimum(MEMORY)
    seen = [minimum.add(value, now) for value, now in ((1.0, 0), (5.0, 10), (4.0, 31), (6.0, 62), (7.0, 300))]
    assert seen == [1.0, 1.0, 1.0, 4.0, 7.0]
