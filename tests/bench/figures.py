"""Small arithmetic of figures."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping

from tests.bench.timeline import Timeline


def p50(values: list[float]) -> float:
    """The median."""
    return statistics.median(values)


def p95(values: list[float]) -> float:
    """The value that nineteen of twenty do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * 95 // 100) - 1)]


def milliseconds(timeline: Timeline, begun: Mapping[str, float], milestones: Iterable[str]) -> list[float]:
    """Of each object: from its beginning until it was at all of the milestones."""
    wanted = tuple(milestones)
    return [1000 * (max(timeline.at(m, name) for m in wanted) - at) for name, at in begun.items()]


def seconds(timeline: Timeline, begun: Mapping[str, float], milestones: Iterable[str]) -> float:
    """From the first beginning until all objects were at all of the milestones."""
    ends = [timeline.at(m, name) for m in milestones for name in begun]
    return max(ends) - min(begun.values())
