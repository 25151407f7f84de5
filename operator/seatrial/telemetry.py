"""The operator's own metrics. No label has values that users could multiply without limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial

from aiohttp import web
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from seatrial.api import conditions as api
from seatrial.api import phases
from seatrial.api.metadata import Key

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Buckets in seconds for passes."""
SLOW = (5, 10, 20, 40, 60, 120, 300, 600, 1200, 1800, 3600, 7200)
"""Buckets in seconds for builds and rollouts."""
STATUSES = (str(api.ConditionStatus.TRUE), str(api.ConditionStatus.FALSE))
"""The statuses of conditions that the operator writes."""


async def serve(registry: CollectorRegistry, port: int) -> web.AppRunner:
    """Serve /metrics on every address until `cleanup` of the result is called."""

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    return runner


class ObjectSeries:
    """The series of each ModelDeployment, removed with it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        object_labels = ("namespace", "name")
        self._phases: dict[Key, str] = {}
        """The phase last recorded, by object."""
        self._conditions: dict[tuple[Key, str], str] = {}
        """The status of a condition last recorded, by object and type."""
        self._outcomes: dict[Key, set[tuple[str, str]]] = {}
        """The outcomes and reasons counted, by object."""
        self._phase = Gauge(
            "seatrial_phase",
            "1 for the current phase of a ModelDeployment, 0 for every other phase",
            (*object_labels, "phase"),
            registry=registry,
        )
        self._weight = Gauge(
            "seatrial_canary_weight",
            "Desired traffic of the canary in percent",
            object_labels,
            registry=registry,
        )
        self._condition = Gauge(
            "seatrial_condition",
            "1 for the current status of a condition of a ModelDeployment, 0 for the other one",
            (*object_labels, "type", "status"),
            registry=registry,
        )
        self._rollouts = Counter(
            "seatrial_rollouts",
            "Completed rollouts of a ModelDeployment by outcome",
            (*object_labels, "outcome", "reason"),
            registry=registry,
        )

    def record(
        self, key: Key, *, phase: str, weight: int, conditions: Mapping[str, str] | None = None
    ) -> None:
        """Set the gauges of an object; `weight` is the canary's share of traffic in percent.

        `conditions`: type → status.
        """
        for kind, status in (conditions or {}).items():
            self._record_condition(key, kind, status)
        if self._phases.get(key) != phase:
            for each in phases.DisplayPhase:
                self._phase.labels(key.namespace, key.name, each).set(float(each == phase))
            self._phases[key] = phase
        self._weight.labels(key.namespace, key.name).set(weight)

    def _record_condition(self, key: Key, kind: str, status: str) -> None:
        if self._conditions.get((key, kind)) == status:
            return
        for each in STATUSES:
            self._condition.labels(key.namespace, key.name, kind, each).set(float(each == status))
        self._conditions[key, kind] = status

    def count_rollout(self, key: Key, *, outcome: str, reason: str) -> None:
        """Count a rollout that ended."""
        self._outcomes.setdefault(key, set()).add((outcome, reason))
        self._rollouts.labels(key.namespace, key.name, outcome, reason).inc()

    def forget(self, key: Key) -> None:
        """Remove every series of a deleted object."""
        for outcome, reason in self._outcomes.pop(key, set()):
            self._rollouts.remove(key.namespace, key.name, outcome, reason)
        for kind in [kind for known, kind in self._conditions if known == key]:
            del self._conditions[key, kind]
            for each in STATUSES:
                self._condition.remove(key.namespace, key.name, kind, each)
        if self._phases.pop(key, None) is None:
            return
        for each in phases.DisplayPhase:
            self._phase.remove(key.namespace, key.name, each)
        self._weight.remove(key.namespace, key.name)


class Telemetry:
    """One set of metrics in one registry: nothing is global, so several operators can run in one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.objects = ObjectSeries(registry)
        self.rollout_seconds = Histogram(
            "seatrial_rollout_duration_seconds",
            "Duration of completed rollouts from the first decision to the outcome",
            buckets=SLOW,
            registry=registry,
        )
        self.build_seconds = Histogram(
            "seatrial_build_duration_seconds",
            "Duration of completed builds by outcome",
            ("outcome", "reason"),
            buckets=SLOW,
            registry=registry,
        )
        self.pass_seconds = Histogram(
            "seatrial_reconcile_duration_seconds",
            "Duration of reconcile passes",
            buckets=FAST,
            registry=registry,
        )
        self.passes = Counter(
            "seatrial_reconcile", "Reconcile passes by result", ("result",), registry=registry
        )
        self.writes = Counter(
            "seatrial_api_writes",
            "Writes sent to the API server by kind and verb",
            ("kind", "verb"),
            registry=registry,
        )
        self._clock_steps = Counter(
            "seatrial_clock_steps",
            "How often a clock was found set forward or back, by whose clock it is",
            ("clock", "direction"),
            registry=registry,
        )
        self.events_dropped = Counter(
            "seatrial_events_dropped", "Events that the API server did not accept", registry=registry
        )

    def register_gauges(
        self,
        *,
        depth: Callable[[], float],
        oldest: Callable[[], float],
        leader: Callable[[], float],
        ages: Mapping[str, Sequence[Callable[[], float]]],
    ) -> None:
        """Register the gauges that are read at every scrape.

        A standby has no age of its queue, from which it takes nothing. `ages`: kind → its watches; the oldest counts.
        """
        self.registry.register(
            _OptionalGauge(
                "seatrial_queue_oldest_seconds",
                "Age of the oldest entry in the queue of the leader",
                lambda: oldest() if leader() else None,
            )
        )
        for name, text, read in (
            ("seatrial_queue_depth", "ModelDeployments waiting for a reconcile pass", depth),
            ("seatrial_leader", "1 if this process holds the lease, or needs none", leader),
        ):
            Gauge(name, text, registry=self.registry).set_function(read)
        watches = Gauge(
            "seatrial_watch_last_event_age_seconds",
            "Seconds since the API server last sent anything on the watch of a kind",
            ("kind",),
            registry=self.registry,
        )
        for kind, reads in ages.items():
            watches.labels(kind).set_function(partial(_largest, reads))

    def count_clock_step(self, clock: str, step: timedelta) -> None:
        """Count that a clock, `api_server` or `machine`, was set."""
        self._clock_steps.labels(clock, "forward" if step > timedelta(0) else "back").inc()


class _OptionalGauge(Collector):
    """A gauge that has no series while `read` returns None."""

    def __init__(self, name: str, text: str, read: Callable[[], float | None]) -> None:
        self._name = name
        self._text = text
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Yield the gauge, with its value if there is one."""
        gauge = GaugeMetricFamily(self._name, self._text)
        if (value := self._read()) is not None:
            gauge.add_metric((), value)
        yield gauge


def _largest(reads: Sequence[Callable[[], float]]) -> float:
    return max(read() for read in reads)
