"""Every kopf decorator of the project: an event is a key in the queue, and nothing else."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

import kopf

from seatrial.api import names, objects
from seatrial.api.metadata import Key
from seatrial.kube.http import HttpTransport
from seatrial.kube.informers import Informer
from seatrial.kube.queue import KeyedQueue


class ProbeFailed(kopf.PermanentError):
    """The liveness probe fails; the message says what has stalled. kopf would retry any other error for a minute."""


def registry(
    model_deployments: Informer, queue: KeyedQueue[Key], stalled: Callable[[], str]
) -> kopf.OperatorRegistry:
    """Return the handlers of one operator. `stalled` returns what has stalled, or an empty string."""
    handlers = kopf.OperatorRegistry()

    @kopf.on.event(names.GROUP, names.VERSION, names.PLURAL, registry=handlers)  # type: ignore[arg-type] # kopf calls by keyword
    async def on_event(event: dict[str, Any], **_: Any) -> None:
        """kopf neither retries nor coalesces events: whatever may fail or take time happens behind the queue."""
        enqueue(model_deployments, queue, event["object"])

    @kopf.on.probe(id="watches", registry=handlers)
    async def probe(**_: Any) -> str:
        if problem := stalled():
            raise ProbeFailed(problem)
        return "alive"

    _ = (on_event, probe)
    return handlers


def enqueue(model_deployments: Informer, queue: KeyedQueue[Key], body: dict[str, Any]) -> None:
    """Enqueue the object of an event of kopf's watch.

    The informer is the source of truth: what it has seen is enqueued already, or is the echo of an own write.
    """
    if not model_deployments.store.has_seen(body):
        queue.add(Key(*objects.key_of(body)))


class _NoDiffs(kopf.DiffBaseStorage):
    """No handler asks what has changed: half of kopf's work per event is left out."""

    def build(self, **_: Any) -> Any:
        """Nothing is compared: the copy of the whole object that kopf would make is left out."""
        return {}

    def fetch(self, *, body: Any) -> None:
        """Nothing is known of before."""

    def store(self, *, body: Any, patch: Any, essence: Any) -> None:
        """Nothing is written on the object."""


class _NoProgress(kopf.ProgressStorage):
    """No handler is retried by kopf: nothing is written on the object."""

    def fetch(self, *, key: Any, body: Any) -> None:
        """Nothing is on its way."""

    def store(self, *, key: Any, record: Any, body: Any, patch: Any) -> None:
        """Nothing is written."""

    def purge(self, *, key: Any, body: Any, patch: Any) -> None:
        """There is nothing to take away."""

    def touch(self, *, body: Any, patch: Any, value: Any) -> None:
        """Nothing is written."""

    def clear(self, *, essence: Any) -> Any:
        """The object as it is."""
        return essence


def quiet_settings() -> kopf.OperatorSettings:
    """kopf as a watcher: no peering, no Events, no annotations, no finalizer, and it never gives up."""
    settings = kopf.OperatorSettings()
    settings.peering.standalone = True
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.queueing.idle_timeout = 1
    settings.queueing.exit_timeout = 2
    settings.watching.inactivity_timeout = 70
    settings.watching.server_timeout = 290
    settings.watching.client_timeout = 300
    settings.watching.connect_timeout = 10
    settings.networking.connect_timeout = 5
    settings.networking.request_timeout = 30
    settings.networking.enforce_retry_after = True
    settings.networking.error_backoffs = EndlessBackoffs()
    settings.process.ultimate_exiting_timeout = 25
    settings.persistence.finalizer = f"{names.GROUP}/kopf"
    settings.persistence.diffbase_storage = _NoDiffs()
    settings.persistence.progress_storage = _NoProgress()
    return settings


class EndlessBackoffs:
    """Seconds between tries: growing, jittered, at most 30, without end, and from the start for each iteration."""

    def __iter__(self) -> Iterator[float]:
        for exponent in itertools.count():
            yield min(30.0, 0.5 * 1.6 ** min(exponent, 20)) * random.uniform(0.7, 1.3)  # noqa: S311


def add_login(handlers: kopf.OperatorRegistry, transport: HttpTransport) -> None:
    """kopf logs in as our own client does: one way to be somebody."""

    @kopf.on.login(registry=handlers)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        found = await transport.credentials()
        return kopf.ConnectionInfo(
            server=found.server,
            ca_path=found.ca_file,
            insecure=found.insecure,
            token=found.token,
            certificate_path=found.certificate_file,
            private_key_path=found.key_file,
            priority=1,
        )

    _ = login


def add_farewell(handlers: kopf.OperatorRegistry, stop: asyncio.Event) -> None:
    """`stop` is set once kopf ends by itself: its own task that waits for it would hold up the end by seconds."""

    @kopf.on.cleanup(registry=handlers)
    async def farewell(**_: Any) -> None:
        stop.set()

    _ = farewell
