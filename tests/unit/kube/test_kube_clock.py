"""The clock of a process follows the API server's, and no clock that somebody sets surprises it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from seatrial.kube.clock import LONGEST_TICK, Clock, DatedTransport
from seatrial.kube.transport import Request, Response
from tests.apiserver import FakeApiServer

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Machine:
    """A machine whose clocks a test moves, and the clock of a process on it."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.set_by = timedelta(0)
        self.clock = Clock(
            lambda: NOON + timedelta(seconds=self.seconds - 1000) + self.set_by, lambda: self.seconds
        )
        self.steps: list[tuple[str, timedelta]] = []
        self.clock.on_step = lambda whose, step: self.steps.append((whose, step))

    def pass_time(self, seconds: float) -> None:
        """Let time pass, with a tick every two seconds."""
        end = self.seconds + seconds
        while self.seconds < end:
            self.seconds = min(self.seconds + 2, end)
            self.clock.tick()

    def hear(self, date: datetime, *, after: float = 0.01) -> None:
        """Let the API server respond with this date."""
        sent, self.seconds = self.seconds, self.seconds + after
        self.clock.observe(date.replace(microsecond=0), sent=sent, received=self.seconds)


def _nearly(time: datetime, expected: datetime) -> bool:
    return abs(time - expected) <= timedelta(seconds=1.1)


def test_without_the_api_servers_time_the_clock_follows_the_machines() -> None:
    machine = Machine()
    machine.set_by = HOUR
    assert machine.clock.now() == NOON + HOUR
    assert machine.steps == [("machine", HOUR)]


def test_setting_the_machines_clock_is_said_and_followed_by_nobody_who_knows_the_api_servers_time() -> None:
    machine = Machine()
    machine.hear(NOON)
    machine.set_by = -HOUR
    assert _nearly(machine.clock.now(), NOON)
    assert machine.steps == [("machine", -HOUR)]


def test_a_machine_whose_clock_is_wrong_tells_the_time_of_the_api_server() -> None:
    machine = Machine()
    machine.hear(NOON + 3 * HOUR)
    assert _nearly(machine.clock.now(), NOON + 3 * HOUR)


@pytest.mark.parametrize("step", [-HOUR, HOUR], ids=["back", "forward"])
def test_the_clock_follows_when_the_api_servers_is_set(step: timedelta) -> None:
    machine = Machine()
    machine.hear(NOON)
    before = machine.clock.read()
    machine.pass_time(10)
    machine.hear(NOON + timedelta(seconds=10) + step)
    machine.hear(NOON + timedelta(seconds=10) + step)
    after = machine.clock.read()
    assert _nearly(after.now, before.now + timedelta(seconds=10) + step)
    assert after.elapsed - before.elapsed == pytest.approx(
        timedelta(seconds=10.02), abs=timedelta(milliseconds=1)
    )
    assert [whose for whose, _ in machine.steps] == ["api_server"]


def test_one_response_that_differs_is_not_believed() -> None:
    machine = Machine()
    machine.hear(NOON)
    machine.hear(NOON + HOUR)
    machine.hear(NOON)
    machine.hear(NOON - HOUR)
    assert _nearly(machine.clock.now(), NOON)
    assert machine.steps == []


def test_a_response_that_took_long_proves_nothing() -> None:
    machine = Machine()
    machine.hear(NOON)
    for _ in range(3):
        machine.hear(NOON + timedelta(seconds=machine.seconds - 1000), after=30)
    assert _nearly(machine.clock.now(), NOON + timedelta(seconds=90))
    assert machine.steps == []


def test_a_clock_that_drifts_is_followed_slowly() -> None:
    machine = Machine()
    machine.hear(NOON)
    told: list[datetime] = []
    for minute in range(1, 20):
        machine.pass_time(60)
        machine.hear(NOON + timedelta(seconds=60.5 * minute))  # the API server's clock is fast
        told.append(machine.clock.now())
    assert _nearly(told[-1], NOON + timedelta(seconds=60.5 * 19))
    assert max(b - a for a, b in pairwise(told)) < timedelta(seconds=61)
    assert machine.steps == []


def test_time_in_which_the_process_was_stopped_or_heard_nothing_was_not_watched() -> None:
    machine = Machine()
    machine.pass_time(100)
    machine.seconds += 600  # it is stopped: no tick
    assert machine.clock.read().watched == timedelta(seconds=100 + LONGEST_TICK)
    machine.clock.is_watching = lambda: False
    machine.pass_time(100)
    assert machine.clock.read().watched == timedelta(seconds=100 + LONGEST_TICK)
    assert machine.clock.read().elapsed == timedelta(seconds=800)


def test_the_time_until_a_moment_is_the_same_when_the_clock_was_set_since_it_was_decided() -> None:
    machine = Machine()
    machine.hear(NOON)
    decided = machine.clock.read()
    machine.pass_time(10)
    machine.hear(NOON + HOUR)
    machine.hear(NOON + HOUR)
    remaining = machine.clock.seconds_until(decided.now + timedelta(seconds=60), decided)
    assert remaining == pytest.approx(50, abs=0.1)


def test_responses_of_the_api_server_bring_its_time_and_those_of_a_proxy_do_not() -> None:
    machine = Machine()
    api = FakeApiServer(lambda: NOON + 2 * HOUR)
    transport = DatedTransport(api, machine.clock, lambda: machine.seconds)
    api.faults.fail_next(1, 503)
    asyncio.run(transport.request(Request("GET", "/version")))
    assert _nearly(machine.clock.now(), NOON)
    asyncio.run(transport.request(Request("GET", "/version")))
    assert _nearly(machine.clock.now(), NOON + 2 * HOUR)


@pytest.mark.parametrize("headers", [{}, {"date": "yesterday"}], ids=["no date", "no valid date"])
def test_a_response_without_a_date_changes_nothing(headers: dict[str, str]) -> None:
    machine = Machine()

    class Undated(FakeApiServer):
        async def request(self, request: Request) -> Response:
            return Response(200, headers, b"")

    asyncio.run(
        DatedTransport(Undated(lambda: NOON), machine.clock, lambda: 0.0).request(Request("GET", "/"))
    )
    assert machine.clock.now() == NOON
