"""Reads the metrics of the pods that are on trial, in the rhythm of their checks, beside all passes.

A pass says which pods to read and takes what was read last; it never waits for a pod.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from seatrial.api.metadata import Key
from seatrial.api.text import truncate
from seatrial.core.evidence.samples import NO_SAMPLES, PodSample, Samples
from seatrial.kube.pod_metrics import Endpoint, Fetch, Unreadable
from seatrial.observation.pod_metrics import NoMetrics, sample_of

log = logging.getLogger(__name__)

MOST_AT_ONCE: Final = 64
JITTER: Final = 0.1
"""Share of the interval by which looks vary, so that a thousand objects are not read at the same moment."""
STALE_LOOKS: Final = 3
"""Looks in a row after which a pod that cannot be read is an error: one lost packet is none."""
LONGEST_CAUSE: Final = 200
SHORTEST_INTERVAL: Final = 1.0
"""Seconds; a shorter interval of one object would use up the requests of all others."""
SHORTEST_WAIT: Final = 0.01
"""Seconds; clocks have a resolution, and a shorter wait might never reach the moment that is due."""


@dataclass(slots=True)
class _Watched:
    """One object whose pods are read."""

    endpoints: frozenset[Endpoint]
    interval: float
    due: float
    running: bool = False
    samples: dict[str, PodSample] = field(default_factory=dict)
    """By the uid of the pod: the last one that could be read."""
    failed: dict[str, tuple[int, str]] = field(default_factory=dict)
    """By the uid of the pod: looks in a row that failed, and why the last one did."""

    def forget_others(self) -> None:
        """Forget the pods that are read no more."""
        present = {endpoint.uid for endpoint in self.endpoints}
        self.samples = {uid: sample for uid, sample in self.samples.items() if uid in present}
        self.failed = {uid: failure for uid, failure in self.failed.items() if uid in present}


class Sampler:
    """Reads pods' metrics; `on_key` receives the key of an object after each look at its pods."""

    def __init__(
        self,
        fetch: Fetch,
        on_key: Callable[[Key], None],
        *,
        now: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        self._fetch = fetch
        self._on_key = on_key
        self._now = now
        self._clock = clock
        self._watched: dict[Key, _Watched] = {}
        self._changed = asyncio.Event()
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)
        self._random = random.Random()  # noqa: S311  # spreads load, protects nothing

    def watch(self, key: Key, endpoints: Iterable[Endpoint], *, interval: float) -> Samples:
        """Read these pods every `interval` seconds from now on, and return what was read last; no pods: stop."""
        wanted = frozenset(endpoints)
        if not wanted:
            self.forget(key)
            return NO_SAMPLES
        watched = self._watched.get(key)
        if watched is None:
            watched = self._watched[key] = _Watched(wanted, interval, self._clock())
            self._changed.set()
        elif wanted - watched.endpoints:  # a new pod is read at once: its first requests count
            watched.due = self._clock()
            self._changed.set()
        watched.endpoints, watched.interval = wanted, max(interval, SHORTEST_INTERVAL)
        watched.forget_others()
        return _samples(watched)

    def forget(self, key: Key) -> None:
        """Read the pods of this object no more."""
        self._watched.pop(key, None)

    async def run(self) -> None:
        """Look at pods when they are due, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                for key, watched in self._watched.items():
                    if watched.due <= self._clock() and not watched.running:
                        watched.running = True
                        watched.due = self._clock() + watched.interval * self._jitter()
                        group.create_task(self._look(key, watched))
                await self._wait_until_due()

    def _jitter(self) -> float:
        return 1 + JITTER * (2 * self._random.random() - 1)

    async def _wait_until_due(self) -> None:
        due = min((w.due for w in self._watched.values() if not w.running), default=None)
        with suppress(TimeoutError):
            async with asyncio.timeout(None if due is None else max(due - self._clock(), SHORTEST_WAIT)):
                await self._changed.wait()
        self._changed.clear()

    async def _look(self, key: Key, watched: _Watched) -> None:
        """Read all pods of one object, then let it be reconciled."""
        try:
            await asyncio.gather(*(self._read(watched, endpoint) for endpoint in watched.endpoints))
        finally:
            watched.running = False
            self._changed.set()
        if self._watched.get(key) is watched:
            self._on_key(key)

    async def _read(self, watched: _Watched, endpoint: Endpoint) -> None:
        async with self._slots:
            at = self._now()
            try:
                text = await self._fetch(endpoint)
                sample = sample_of(text, pod=endpoint.uid, revision=endpoint.revision, at=at)
            except (Unreadable, NoMetrics) as error:
                _count_failure(watched, endpoint, str(error))
                return
            except Exception as error:  # whatever a pod answers, the others are read on
                log.exception(
                    "the metrics of a pod cannot be read because of a bug", extra={"pod": endpoint.name}
                )
                _count_failure(watched, endpoint, repr(error))
                return
        watched.samples[endpoint.uid] = sample
        watched.failed.pop(endpoint.uid, None)


def _count_failure(watched: _Watched, endpoint: Endpoint, cause: str) -> None:
    count, _ = watched.failed.get(endpoint.uid, (0, ""))
    watched.failed[endpoint.uid] = (count + 1, cause)


def _samples(watched: _Watched) -> Samples:
    """Return what is known of the pods that are still read."""
    errors: dict[str, str] = {}
    for endpoint in sorted(watched.endpoints, key=lambda endpoint: endpoint.name):
        count, cause = watched.failed.get(endpoint.uid, (0, ""))
        if count >= STALE_LOOKS:
            text = f"the metrics of pod {endpoint.name} cannot be read: {truncate(cause, LONGEST_CAUSE)}"
            errors.setdefault(endpoint.revision, text)
    return Samples(pods=tuple(sample for _, sample in sorted(watched.samples.items())), errors=errors)
