"""The model server beside a hand-written one: the rows of `tests.bench.server`, which measures them."""

from __future__ import annotations

import statistics
from typing import Final

from tests.bench import server
from tests.bench.report import Row
from tests.bench.server import Tally

LEAST: Final = 0.85
"""The budget: so much of what a server does that is written by hand for the one model."""


def rows(*, seconds: float = 4.0, rounds: int = 3) -> list[Row]:
    """Rounds of both servers in turns."""
    tallies = server.measured(seconds=seconds, rounds=rounds, connections=16)
    ours, theirs = tallies["seatrial"], tallies["fastapi"]
    rates = [statistics.median(tally.rate for tally in each) for each in (ours, theirs)]
    costs = [statistics.median(tally.cpu_per_request for tally in each) for each in (ours, theirs)]
    peer = "0.57 KServe, 0.50 MLServer"
    return [
        Row(what="requests per second", value=rates[0], unit="/s", floor=rates[1]),
        *(_latency(share, ours, theirs) for share in (0.5, 0.99)),
        Row(what="processor time per request", value=costs[0], unit="µs", floor=costs[1]),
        Row(what="requests that failed", value=sum(tally.failed for tally in ours), budget=0),
        Row(what="ratio of requests per second", value=rates[0] / rates[1], peer=peer, at_least=LEAST),
        Row(what="ratio by processor time", value=costs[1] / costs[0], at_least=LEAST),
    ]


def _latency(share: float, ours: list[Tally], theirs: list[Tally]) -> Row:
    of_ours, of_theirs = (
        statistics.median(tally.quantile(share) for tally in each) for each in (ours, theirs)
    )
    return Row(what=f"p{share * 100:.0f}", value=of_ours, unit="ms", floor=of_theirs)
