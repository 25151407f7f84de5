"""Reads the metrics of a model server into a sample: only what judges a canary, and only requests of users."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from model_runtime.contract.metrics import (
    DURATION,
    LATENCY_BOUNDS,
    OUTCOME_LABEL,
    PROCESS_START,
    REQUESTS,
    TRAFFIC_LABEL,
    Outcome,
    Traffic,
)
from seatrial.core.evidence.samples import PodSample

LARGEST_COUNT: Final = 2**53
"""Above this a float is no exact count any more; no server gets there."""
_BUCKET: Final = f"{DURATION}_bucket"
_COUNT: Final = f"{DURATION}_count"
_WANTED: Final = (REQUESTS, DURATION, PROCESS_START)
_SERIES: Final = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([^}]*)\})? ([0-9.eE+-]+)", re.ASCII)
_LABEL: Final = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="([^"\\]*)"', re.ASCII)


class NoMetrics(ValueError):
    """The text is not the metrics of a Seatrial model server; `str()` says what is missing."""


def sample_of(text: str, *, pod: str, revision: str, at: datetime) -> PodSample:
    """Return what the metrics of one pod say; `NoMetrics` when a family is missing or a value is no count."""
    started: float | None = None
    if not text.endswith("\n"):
        raise NoMetrics("its /metrics ends in the middle of a line")
    outcomes: dict[Outcome, int] = {}
    buckets: dict[float, int] = {}
    answered = 0
    for name, labels, value in _series(text):
        if name == PROCESS_START:
            started = value
        elif labels.get(TRAFFIC_LABEL) != Traffic.USER:
            continue
        elif name == REQUESTS and labels.get(OUTCOME_LABEL) in set(Outcome):
            outcomes[Outcome(labels[OUTCOME_LABEL])] = int(value)
        elif name == _BUCKET and labels.get("le") != "+Inf":
            buckets[_count(labels.get("le", ""))] = int(value)
        elif name == _COUNT:
            answered = int(value)
    if started is None or not outcomes:
        raise NoMetrics(f"its /metrics has no {PROCESS_START if outcomes else REQUESTS}")
    return PodSample(
        pod=pod,
        revision=revision,
        started=started,
        at=at,
        outcomes=outcomes,
        within=tuple(min(buckets.get(bound, 0), answered) for bound in LATENCY_BOUNDS),
        answered=answered,
    )


def _series(text: str) -> Iterator[tuple[str, Mapping[str, str], float]]:
    """Yield name, labels and value of every series of the wanted families."""
    for line in text.splitlines():
        if line.startswith(_WANTED) and (match := _SERIES.match(line)) is not None:
            name, labels, number = match.groups()
            yield name, dict(_LABEL.findall(labels or "")), _count(number)


def _count(number: str) -> float:
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not 0 <= value <= LARGEST_COUNT:
        raise NoMetrics(f"its /metrics has the value {number[:20]}, which is no count")
    return value
