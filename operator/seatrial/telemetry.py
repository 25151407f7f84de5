"""The operator's own metrics; no label has values that users can make without bound."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from aiohttp import web
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from seatrial.api import phases
from seatrial.api.metadata import Key


async def serve(registry: CollectorRegistry, port: int) -> web.AppRunner:
    """/metrics is answered on every address, from the loop that the gauges read; `cleanup` ends it."""

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    return runner


FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
SLOW = (5, 10, 20, 40, 60, 120, 300, 600, 1200, 1800, 3600, 7200)


class Telemetry:
    """One set of metrics in one registry: nothing is global, so that several operators fit in one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        object_labels = ("namespace", "name")
        self.registry = registry
        self._phase = Gauge(
            "seatrial_phase",
            "1 for the phase an object is in",
            (*object_labels, "phase"),
            registry=registry,
        )
        self._weight = Gauge(
            "seatrial_canary_weight",
            "The canary's share that is asked for, percent",
            object_labels,
            registry=registry,
        )
        self.rollouts = Counter(
            "seatrial_rollouts", "Rollouts that ended", ("outcome", "reason"), registry=registry
        )
        self.rollout_seconds = Histogram(
            "seatrial_rollout_duration_seconds",
            "From the first decision to the end",
            buckets=SLOW,
            registry=registry,
        )
        self.build_seconds = Histogram(
            "seatrial_build_duration_seconds",
            "Builds, by how they ended",
            ("outcome", "reason"),
            buckets=SLOW,
            registry=registry,
        )
        self.pass_seconds = Histogram(
            "seatrial_reconcile_duration_seconds", "One pass over one object", buckets=FAST, registry=registry
        )
        self.passes = Counter("seatrial_reconcile", "Passes by result", ("result",), registry=registry)
        self.writes = Counter(
            "seatrial_api_writes", "Writes to the API server", ("kind", "verb"), registry=registry
        )
        self.events_dropped = Counter(
            "seatrial_events_dropped", "Events that could not be written", registry=registry
        )
        self._known_phases: dict[Key, str] = {}

    def watch(
        self,
        *,
        depth: Callable[[], float],
        oldest: Callable[[], float],
        leader: Callable[[], float],
        ages: Mapping[str, Sequence[Callable[[], float]]],
    ) -> None:
        """The gauges that are read when they are scraped. `ages`: kind → its watches, the worst of which counts."""
        for name, text, read in (
            ("seatrial_queue_depth", "Objects that wait for a pass", depth),
            ("seatrial_queue_oldest_seconds", "How long the oldest of them has waited", oldest),
            ("seatrial_leader", "1 while this process may write", leader),
        ):
            Gauge(name, text, registry=self.registry).set_function(read)
        watches = Gauge(
            "seatrial_watch_last_event_age_seconds",
            "Since a watch last heard anything",
            ("kind",),
            registry=self.registry,
        )
        for kind, reads in ages.items():
            watches.labels(kind).set_function(partial(_worst, reads))

    def show(self, key: Key, phase: str, weight: int) -> None:
        """The gauges of an object say where it is."""
        before = self._known_phases.get(key)
        if before != phase:
            for each in phases.DisplayPhase:
                self._phase.labels(key.namespace, key.name, each).set(float(each == phase))
            self._known_phases[key] = phase
        self._weight.labels(key.namespace, key.name).set(weight)

    def forget(self, key: Key) -> None:
        """A deleted object leaves no series."""
        if self._known_phases.pop(key, None) is None:
            return
        for each in phases.DisplayPhase:
            self._phase.remove(key.namespace, key.name, each)
        self._weight.remove(key.namespace, key.name)


def _worst(reads: Sequence[Callable[[], float]]) -> float:
    return max(read() for read in reads)
