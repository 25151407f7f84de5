"""The bounds of rates agree with an independent computation in 40-digit arithmetic, and hold at every look."""

from __future__ import annotations

import math
import random

import pytest

from seatrial.core.evidence.counts import Counts, PairCounts
from seatrial.core.evidence.late_faults import LateFaultTest, is_fault
from seatrial.core.evidence.rates import Bounds, RateSequence
from seatrial.core.evidence.shares import share_bounds

PRECISION = 2e-5
"""Relative; the independent figures are rounded, and the smallest shares are near the precision of floats."""


def pair(canary_bad: int, canary: int, stable_bad: int = 0, stable: int = 0) -> PairCounts:
    return PairCounts(canary=Counts(canary_bad, canary), stable=Counts(stable_bad, stable))


def sequence_of(factor: float, *increments: PairCounts) -> RateSequence:
    sequence = RateSequence(factor=factor)
    for increment in increments:
        sequence = sequence.add(increment)
    return sequence


BILLION = 10**9

RATES = [
    pytest.param(0, 0.01, [pair(0, 45)], 0.0, 0.1301180177, id="45 requests without an error"),
    pytest.param(0, 0.01, [pair(0, 1000)], 0.0, 0.005855310796, id="1,000 requests without an error"),
    pytest.param(0, 0.05, [pair(5, 100)], 0.008721420811, 0.1473563154, id="5 errors of 100"),
    pytest.param(0, 0.01, [pair(1000, 100_000)], 0.008866728005, 0.01121840731, id="1 % of 100,000"),
    pytest.param(0, 0.01, [pair(BILLION // 100, BILLION)], 0.009757894679, 0.01024607954, id="1 % of 10⁹"),
    pytest.param(0, 0.01, [pair(BILLION, BILLION)], 0.9758031452, 1.0, id="only errors"),
    pytest.param(1, 0.01, [pair(0, 0)], -1.0, 1.0, id="nothing to compare"),
    pytest.param(1, 0.01, [pair(10, 50)], -1.0, 1.0, id="stable has no requests"),
    pytest.param(1, 0.01, [pair(0, 100, 0, 1900)], -0.004270332891, 0.05876932683, id="no errors at 5 %"),
    pytest.param(1, 0.01, [pair(5, 100, 0, 1900)], 0.006183053278, 0.1724858914, id="only the canary errs"),
    pytest.param(1, 0.01, [pair(50, 1000, 190, 19_000)], 0.01828109074, 0.07039157204, id="5 % beside 1 %"),
    pytest.param(1, 0.05, [pair(10, 1000, 190, 19_000)], -0.007402066543, 0.01284361633, id="both 1 %"),
    pytest.param(
        1.5, 0.01, [pair(50, 1000, 190, 19_000)], 0.01304758875, 0.06549743703, id="half as bad again"
    ),
    pytest.param(
        1,
        0.01,
        [pair(5, 60, 10, 900), pair(0, 55, 5, 1000), pair(40, 200, 600, 3000)],
        -0.05457884888,
        0.1061508701,
        id="an outage of both tracks, in blocks of different shares",
    ),
    pytest.param(
        1,
        0.01,
        [pair(3, 20, 1, 300), pair(2, 60, 0, 400), pair(1, 10)],
        0.005514105695,
        0.2143186982,
        id="a block is complete with 50 requests of each track",
    ),
    pytest.param(
        1,
        0.01,
        [pair(10**6, 10**8, 19 * 10**6, 19 * 10**8)],
        -0.0002436280898,
        0.0002472639891,
        id="the same rate in 2·10⁹ requests",
    ),
]


@pytest.mark.parametrize(("factor", "alpha", "increments", "lower", "upper"), RATES)
def test_the_bounds_of_a_rate_are_those_of_an_independent_computation(
    factor: float, alpha: float, increments: list[PairCounts], lower: float, upper: float
) -> None:
    bounds = sequence_of(factor, *increments).bounds(alpha)
    assert (bounds.lower, bounds.upper) == pytest.approx((lower, upper), rel=PRECISION, abs=1e-12)


SHARES = [
    (0, 0, 0.01, 0.0, 1.0),
    (0, 1, 0.05, 0.0, 0.975),
    (1, 1, 0.05, 0.025, 1.0),
    (0, 45, 0.01, 0.0, 0.145649983),
    (5, 100, 0.01, 0.004970381507, 0.1750517473),
    (10, 1000, 0.05, 0.002406468284, 0.02616443038),
    (30, 100, 0.01, 0.1505725968, 0.4858542734),
    (1000, 1000, 0.01, 0.991405607, 1.0),
    (1, BILLION, 0.01, 8.92062138e-17, 1.918652318e-08),
    (BILLION // 100, BILLION, 0.01, 0.009982665952, 0.0100173539),
]


@pytest.mark.parametrize(("successes", "total", "alpha", "lower", "upper"), SHARES)
def test_the_bounds_of_a_share_are_those_of_an_independent_computation(
    successes: int, total: int, alpha: float, lower: float, upper: float
) -> None:
    bounds = share_bounds(successes, total, alpha)
    assert (bounds.lower, bounds.upper) == pytest.approx((lower, upper), rel=PRECISION)


LATE_ERRORS = (
    "0/15 0/23 0/14 0/6 0/20 0/28 0/25 0/24 0/16 1/20 0/17 0/24 1/23 0/21 0/19 "
    "0/18 3/29 0/12 1/6 2/26 2/19 3/17 2/27 2/21 2/27 2/28 3/17 2/17 0/25 2/17"
)
LATE_ERRORS_BESIDE_STABLE = (
    "0/15+0/119 0/11+1/178 0/7+2/114 0/6+4/191 0/21+2/159 0/26+1/197 1/19+2/129 0/11+2/126 0/12+2/185 "
    "0/23+2/181 0/24+1/116 0/11+1/101 0/6+2/182 0/29+2/170 0/27+3/180 2/26+0/150 3/8+2/125 2/19+2/127 "
    "0/17+1/146 1/28+3/171 0/6+2/195 0/22+1/112 3/28+4/178 1/18+1/168 2/15+0/194 2/5+0/129 5/27+0/119 "
    "1/27+3/191 0/20+3/174 1/15+3/186"
)


def looks(text: str) -> list[PairCounts]:
    """Return the requests of each look, written as canary errors/canary requests+stable errors/stable requests."""
    return [
        pair(*(int(number) for track in look.split("+") for number in track.split("/")))
        for look in text.split()
    ]


@pytest.mark.parametrize(
    ("factor", "margin", "text", "log_e"),
    [(0, 0.01, LATE_ERRORS, 24.62167178), (1, 0.0, LATE_ERRORS_BESIDE_STABLE, 11.40436003)],
    ids=["against a limit", "against stable"],
)
def test_the_evidence_for_a_late_fault_is_that_of_an_independent_computation(
    factor: float, margin: float, text: str, log_e: float
) -> None:
    test = LateFaultTest(onsets=30, sequence=RateSequence(factor=factor))
    for number, counts in enumerate(looks(text)):
        test = test.begin_onset() if number % 6 == 0 else test
        test = test.add(counts)
    assert test.log_e_value(margin) == pytest.approx(log_e, rel=1e-8)


def test_a_late_fault_is_found_sooner_than_with_evidence_since_the_begin_alone() -> None:
    healthy, faulty = pair(0, 100), pair(5, 100)
    late, since_begin = LateFaultTest(onsets=16, sequence=RateSequence()), RateSequence()
    for look in range(60):
        late = late.begin_onset() if look % 4 == 0 else late
        late, since_begin = late.add(healthy), since_begin.add(healthy)
    counts = {"late": 0, "since begin": 0}
    while not is_fault(late.log_e_value(0.01), 0.01):
        late, counts["late"] = late.add(faulty), counts["late"] + 1
    while since_begin.bounds(0.01).lower <= 0.01:
        since_begin, counts["since begin"] = since_begin.add(faulty), counts["since begin"] + 1
    assert counts["late"] * 2 < counts["since begin"]


@pytest.mark.parametrize("alpha", [0.5, 0.05, 1e-6])
@pytest.mark.parametrize("factor", [0, 1, 2.5])
@pytest.mark.parametrize(
    "counts", [pair(0, 1), pair(1, 1), pair(BILLION, BILLION, 0, 1), pair(0, 1, 1, BILLION)]
)
def test_extreme_counts_give_finite_ordered_bounds(counts: PairCounts, factor: float, alpha: float) -> None:
    bounds = sequence_of(factor, counts).bounds(alpha)
    assert math.isfinite(bounds.lower)
    assert math.isfinite(bounds.upper)
    assert bounds.lower <= bounds.upper


def test_requests_that_arrive_in_small_pieces_give_the_bounds_of_their_blocks() -> None:
    pieces = sequence_of(1, *[pair(0, 10, 1, 25)] * 5)
    assert pieces.bounds(0.01) == sequence_of(1, pair(0, 50, 5, 125)).bounds(0.01)


def test_an_empty_sequence_rules_out_nothing() -> None:
    assert RateSequence().bounds(0.01) == Bounds(0.0, 1.0)


def _is_rejected(rng: random.Random, *, rate: float, alpha: float) -> bool:
    """Return whether a canary that is as good as stable is rejected at any of 120 looks, its share changing."""
    sequence = RateSequence(factor=1)
    for look in range(120):
        outage = 0.3 if 40 <= look < 50 else rate
        canary, stable = (rng.randint(0, 20), 190) if look < 60 else (100, 100)
        bad = [sum(rng.random() < outage for _ in range(n)) for n in (canary, stable)]
        sequence = sequence.add(pair(bad[0], canary, bad[1], stable))
        if look % 4 == 0 and is_fault(LateFaultTest(onsets=0, sequence=sequence).log_e_value(0.0), alpha):
            return True
    return False


def test_an_identical_canary_is_rejected_less_often_than_alpha_whatever_the_number_of_looks() -> None:
    rng = random.Random(20261201)  # a seeded simulation
    rejected = sum(_is_rejected(rng, rate=0.02, alpha=0.2) for _ in range(60))
    assert rejected / 60 <= 0.2
