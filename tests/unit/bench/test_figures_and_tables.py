"""The arithmetic of the benchmark's figures, and the tables that show them."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api import kinds
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body
from tests.bench import figures, report
from tests.bench.report import Row, shown
from tests.bench.timeline import Timeline

NUMBERS = st.lists(st.floats(0, 1e6), min_size=1, max_size=200)


@given(NUMBERS)
def test_95_percent_of_values_do_not_exceed_the_95th_percentile(values: list[float]) -> None:
    found = figures.p95(values)
    assert found in values
    assert sum(value <= found for value in values) >= 0.95 * len(values)
    assert sum(value < found for value in values) < 0.95 * len(values), "it is the least that does"


@pytest.mark.parametrize(
    ("count", "found"),
    [pytest.param(1, 1, id="one"), (19, 19), (20, 19), (21, 20), (40, 38), (100, 95), (101, 96)],
)
def test_95th_percentile_of_consecutive_numbers(count: int, found: int) -> None:
    assert figures.p95([float(number) for number in range(count, 0, -1)]) == found


@given(NUMBERS)
def test_half_of_the_values_lie_on_either_side_of_the_median(values: list[float]) -> None:
    found = figures.p50(values)
    assert sum(value <= found for value in values) >= len(values) / 2
    assert sum(value >= found for value in values) >= len(values) / 2


def reached(**moments: dict[str, float]) -> Timeline:
    """Return a timeline of milestone → object → time."""
    timeline = Timeline()
    for milestone, of in moments.items():
        for name, at in of.items():
            timeline._reached[milestone, name] = at
    return timeline


SEEN = reached(deployment={"a": 10.5, "b": 12.0}, service={"a": 10.25, "b": 12.5})
BEGUN = {"a": 10.0, "b": 11.0}


def test_latency_of_an_object_ends_at_its_last_milestone() -> None:
    assert figures.milliseconds(SEEN, BEGUN, ["deployment", "service"]) == [500.0, 1500.0]
    assert figures.milliseconds(SEEN, BEGUN, ["service"]) == [250.0, 1500.0]


def test_milestones_may_be_an_iterator() -> None:
    assert figures.milliseconds(SEEN, BEGUN, iter(("deployment", "service"))) == [500.0, 1500.0]


def test_total_duration_ends_with_the_last_object() -> None:
    assert figures.seconds(SEEN, BEGUN, ["deployment", "service"]) == 2.5
    assert figures.seconds(SEEN, BEGUN, ["deployment"]) == 2.0


def test_missing_milestone_is_an_error() -> None:
    with pytest.raises(KeyError):
        figures.milliseconds(SEEN, {**BEGUN, "c": 1.0}, ["service"])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (3, "3"),
        (3.0, "3"),
        (0.051, "0.05"),
        (9.994, "9.99"),
        (12.34, "12.3"),
        (99.96, "100.0"),
        (123.4, "123"),
        (-12.34, "-12.3"),
        (1234.5, "1234"),
    ],
)
def test_figure_is_rounded_to_significant_digits(value: float, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        pytest.param(Row(what="a", value=0, budget=0), "met", id="nothing where nothing may be"),
        pytest.param(Row(what="a", value=3.01, budget=3), "missed ×1.0", id="missed by a hair is missed"),
        pytest.param(Row(what="a", value=0.85, at_least=0.85), "met", id="just enough"),
        pytest.param(
            Row(what="a", value=9, budget=3, at_least=1), "met", id="the least goes before the most"
        ),
    ],
)
def test_verdict_compares_the_value_with_its_limit(row: Row, verdict: str) -> None:
    assert row.verdict == verdict


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_table_is_aligned_markdown() -> None:
    rows = [
        Row(what="apply → children, p50", value=12.34, unit="ms", floor=8, peer="12–19 ms", budget=30),
        Row(what="ratio", value=0.9, at_least=0.85),
        Row(what="memory", value=187, unit="MiB"),
    ]
    title, empty, head, rule, *lines = report.table("The operator", rows, floor="plain").splitlines()
    assert (title, empty) == ("## The operator", "")
    assert cells(head) == ["", "Seatrial", "plain", "Argo Rollouts", "budget", "verdict"]
    assert set(rule) == {"|", "-"}
    assert cells(lines[0]) == ["apply → children, p50", "12.3 ms", "8 ms", "12–19 ms", "≤ 30 ms", "met"]
    assert cells(lines[1]) == ["ratio", "0.90", "–", "–", "≥ 0.85", "met"]
    assert cells(lines[2]) == ["memory", "187 MiB", "–", "–", "–", "–"]
    assert {len(line) for line in (head, rule, *lines)} == {len(head)}


def test_empty_table_has_its_header() -> None:
    assert len(report.table("Nothing", []).splitlines()) == 4


def named(_kind: Kind, body: Body) -> str | None:
    """Return the object's name: every object has reached this milestone."""
    return str(body["name"])


def nothing(_kind: Kind, _body: Body) -> str | None:
    """Return None: no object has reached this milestone."""
    return None


class TestTimeline:
    async def test_first_time_at_a_milestone_counts(self) -> None:
        timeline = Timeline()
        timeline.watch_for(there=named)
        timeline.hear(kinds.SERVICE, {"name": "a"})
        first = timeline.at("there", "a")
        timeline.hear(kinds.SERVICE, {"name": "a"})
        assert timeline.at("there", "a") == first

    async def test_object_without_the_milestone_never_reaches_it(self) -> None:
        timeline = Timeline()
        timeline.watch_for(there=nothing)
        timeline.hear(kinds.SERVICE, {"name": "a"})
        with pytest.raises(KeyError):
            timeline.at("there", "a")

    async def test_watching_a_milestone_again_resets_only_that_milestone(self) -> None:
        timeline = reached(old={"a": 1.0}, other={"a": 2.0})
        timeline.watch_for(old=nothing)
        assert timeline.at("other", "a") == 2.0
        with pytest.raises(KeyError):
            timeline.at("old", "a")

    async def test_all_returns_when_the_last_object_has_arrived(self) -> None:
        timeline = Timeline()
        timeline.watch_for(there=named)
        timeline.hear(kinds.SERVICE, {"name": "a"})
        waiting = asyncio.create_task(timeline.all("there", ["a", "b"]))
        await asyncio.sleep(0)
        assert not waiting.done()
        timeline.hear(kinds.SERVICE, {"name": "c"})
        await asyncio.sleep(0)
        assert not waiting.done()
        timeline.hear(kinds.SERVICE, {"name": "b"})
        await asyncio.wait_for(waiting, 30)

    async def test_all_returns_immediately_when_every_object_has_arrived(self) -> None:
        await reached(there={"a": 1.0}).all("there", ["a"], patience=0)
        await Timeline().all("there", [], patience=0)

    async def test_missing_objects_are_named(self) -> None:
        with pytest.raises(AssertionError, match="2 objects never were at 'there': a, b …"):
            await Timeline().all("there", ["b", "a"], patience=0.01)
