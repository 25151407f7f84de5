"""Counts predictions by outcome and kind of traffic, and measures how long they take."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram

from model_runtime.contract.metrics import (
    DURATION,
    LATENCY_BOUNDS,
    OUTCOME_LABEL,
    REQUESTS,
    TRAFFIC_HEADER,
    TRAFFIC_LABEL,
    Outcome,
    Traffic,
)

_HEADER: Final = TRAFFIC_HEADER.encode()
_OUTCOMES: Final = {
    HTTPStatus.OK: Outcome.OK,
    HTTPStatus.TOO_MANY_REQUESTS: Outcome.REJECTED,
    HTTPStatus.INTERNAL_SERVER_ERROR: Outcome.MODEL_ERROR,
    HTTPStatus.GATEWAY_TIMEOUT: Outcome.TIMEOUT,
}


def outcome_of(status: int) -> Outcome:
    """Return the outcome that the status of a response stands for."""
    known = _OUTCOMES.get(HTTPStatus(status))
    return known or (Outcome.CLIENT_ERROR if status < 500 else Outcome.SERVER_ERROR)


class RequestMetrics:
    """The metrics of one server; every series exists from the start, so that a first error is an increase."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or CollectorRegistry()
        requests = Counter(
            REQUESTS, "Predictions that were asked for.", (OUTCOME_LABEL, TRAFFIC_LABEL), registry=registry
        )
        durations = Histogram(
            DURATION,
            "Seconds from the arrival of the body to the response.",
            (TRAFFIC_LABEL,),
            buckets=LATENCY_BOUNDS,
            registry=registry,
        )
        self._requests = {(o, t): requests.labels(o, t) for o in Outcome for t in Traffic}
        self._durations = {traffic: durations.labels(traffic) for traffic in Traffic}
        self._kinds = {traffic.encode(): traffic for traffic in Traffic}

    def begin(self, headers: dict[bytes, bytes]) -> Measurement:
        """Return the measurement of a request with these headers."""
        return Measurement(self, self._kinds.get(headers.get(_HEADER, b""), Traffic.USER))

    def record(self, traffic: Traffic, outcome: Outcome, seconds: float | None) -> None:
        """Count one prediction; `seconds` is None where its body never arrived."""
        self._requests[outcome, traffic].inc()
        if seconds is not None:
            self._durations[traffic].observe(seconds)


class Measurement:
    """The measurement of one request."""

    __slots__ = ("_arrived_at", "_metrics", "_traffic")

    def __init__(self, metrics: RequestMetrics, traffic: Traffic) -> None:
        self._metrics = metrics
        self._traffic = traffic
        self._arrived_at: float | None = None

    def body_arrived(self) -> None:
        """Start the clock: how long a client takes to send its body says nothing about the model."""
        self._arrived_at = time.perf_counter()

    def end(self, status: int) -> None:
        """Record the request under the status of its response."""
        seconds = None if self._arrived_at is None else time.perf_counter() - self._arrived_at
        self._metrics.record(self._traffic, outcome_of(status), seconds)


def process_metrics() -> RequestMetrics:
    """Return metrics that `/metrics` shows; once a process."""
    return RequestMetrics(REGISTRY)
