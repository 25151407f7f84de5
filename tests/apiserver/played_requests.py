"""Requests of users that are played: how many, how they end, and what the pods' metrics say about them.

A pod counts while the Service of its ModelDeployment selects it; every selected pod gets the same share.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from model_runtime.contract.metrics import DURATION, LATENCY_BOUNDS, PROCESS_START, REQUESTS, Outcome, Traffic
from seatrial.api import kinds, objects
from seatrial.api.objects import Body
from seatrial.observation.pod_diagnosis import is_ready
from tests.apiserver.pod_behaviour import image_of
from tests.apiserver.store import Store


@dataclass(frozen=True, slots=True)
class Answers:
    """How the requests to a pod end: shares between 0 and 1; the rest is answered well and fast."""

    failed: float = 0.0
    outcome: Outcome = Outcome.MODEL_ERROR
    slow: float = 0.0
    """Share of the answered requests that take 3 s instead of 10 ms."""


@dataclass(slots=True)
class _Counters:
    """What one pod has counted; fractions of requests are kept, so that small rates are exact in the long run."""

    started: datetime
    ok: float = 0.0
    failed: float = 0.0
    slow: float = 0.0
    outcome: Outcome = Outcome.MODEL_ERROR


@dataclass(slots=True)
class PlayedRequests:
    """The requests of one cluster; `look` returns objects of it, and `answers` how a pod of an image answers."""

    store: Store
    clock: Callable[[], datetime]
    per_second: float = 0.0
    answers: Callable[[str], Answers] = field(default=lambda _image: Answers())
    unreachable: Callable[[Body], bool] = field(default=lambda _pod: False)
    counters: dict[str, _Counters] = field(default_factory=dict)
    counted_until: datetime | None = None

    def metrics(self, pod: Body) -> bytes | None:
        """Return the text of a pod's `/metrics` now; None when nothing answers there."""
        self.advance()
        if not is_ready(pod) or self.unreachable(pod):
            return None
        counters = self._counters_of(pod)
        user = f'traffic="{Traffic.USER}"'
        failed, slow = int(counters.failed), int(counters.slow)
        answered = int(counters.ok + counters.slow)
        outcomes = {Outcome.OK: answered, counters.outcome: failed}
        lines = [
            f'{REQUESTS}{{outcome="{outcome}",{user}}} {outcomes.get(outcome, 0)}' for outcome in Outcome
        ]
        for bound in LATENCY_BOUNDS:
            within = 0 if bound < 0.01 else answered - (slow if bound < 3 else 0)
            lines.append(f'{DURATION}_bucket{{le="{bound}",{user}}} {within}')
        lines.append(f"{DURATION}_count{{{user}}} {answered}")
        lines.append(f"{PROCESS_START} {counters.started.timestamp()}")
        return "\n".join([*lines, ""]).encode()

    def advance(self) -> None:
        """Let the requests of the time since the last call arrive."""
        now, since = self.clock(), self.counted_until
        self.counted_until = now
        if since is None or not self.per_second:
            return
        for service in self.store.all(kinds.SERVICE):
            self._arrive(service, (now - since).total_seconds() * self.per_second)

    def _arrive(self, service: Body, requests: float) -> None:
        selector = (service.get("spec") or {}).get("selector") or {}
        namespace = service["metadata"]["namespace"]
        selected = [
            pod
            for pod in self.store.all(kinds.POD)
            if pod["metadata"]["namespace"] == namespace
            and selector.items() <= objects.labels_of(pod).items()
            and is_ready(pod)
        ]
        for pod in selected:
            counters, answers = self._counters_of(pod), self.answers(image_of(pod))
            share = requests / len(selected)
            counters.outcome = answers.outcome
            counters.failed += share * answers.failed
            counters.slow += share * (1 - answers.failed) * answers.slow
            counters.ok += share * (1 - answers.failed) * (1 - answers.slow)

    def _counters_of(self, pod: Body) -> _Counters:
        return self.counters.setdefault(objects.uid_of(pod), _Counters(self.clock()))
