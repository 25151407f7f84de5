"""Every kopf decorator of the project. An event of kopf's watch enqueues a key; everything else happens in passes."""

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
from seatrial.kube.informer_group import InformerGroup
from seatrial.kube.queue import KeyedQueue


class ProbeFailed(kopf.PermanentError):
    """The liveness probe fails; the message says what has stalled. kopf would retry any other error for a minute."""


def registry(
    model_deployments: InformerGroup, queue: KeyedQueue[Key], stalled: Callable[[], str]
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


def enqueue(model_deployments: InformerGroup, queue: KeyedQueue[Key], body: dict[str, Any]) -> None:
    """Enqueue the object of an event of kopf's watch, unless the informer has seen this version.

    The informer is the source of truth. A version that it has seen is enqueued already, or is an own write.
    """
    if not model_deployments.has_seen(body):
        queue.add(Key(*objects.key_of(body)))


def add_login(handlers: kopf.OperatorRegistry, transport: HttpTransport) -> None:
    """Let kopf use the credentials of the operator's own client."""

    @kopf.on.login(registry=handlers)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        credentials = await transport.credentials()
        return kopf.ConnectionInfo(
            server=credentials.server,
            ca_path=credentials.ca_file,
            insecure=credentials.insecure,
            token=credentials.token,
            certificate_path=credentials.certificate_file,
            private_key_path=credentials.key_file,
            priority=1,
        )

    _ = login


def add_cleanup(handlers: kopf.OperatorRegistry, stop: asyncio.Event) -> None:
    """Set `stop` when kopf ends by itself: its own task that waits for the flag would delay the end by seconds."""

    @kopf.on.cleanup(registry=handlers)
    async def cleanup(**_: Any) -> None:
        stop.set()

    _ = cleanup


def settings() -> kopf.OperatorSettings:
    """Return settings for a kopf that only watches, and never gives up: no peering, Events, annotations, finalizers."""
    chosen = kopf.OperatorSettings()
    chosen.peering.standalone = True
    chosen.posting.enabled = False
    chosen.scanning.disabled = True
    chosen.queueing.idle_timeout = 1
    chosen.queueing.exit_timeout = 2
    chosen.watching.inactivity_timeout = 70
    chosen.watching.server_timeout = 290
    chosen.watching.client_timeout = 300
    chosen.watching.connect_timeout = 10
    chosen.networking.connect_timeout = 5
    chosen.networking.request_timeout = 30
    chosen.networking.enforce_retry_after = True
    chosen.networking.error_backoffs = EndlessBackoffs()
    chosen.process.ultimate_exiting_timeout = 25
    chosen.persistence.finalizer = f"{names.GROUP}/kopf"
    chosen.persistence.diffbase_storage = _NoDiffs()
    chosen.persistence.progress_storage = _NoProgress()
    return chosen


class EndlessBackoffs:
    """Seconds between retries: growing, with jitter, at most 30, without end; each iteration starts anew."""

    def __iter__(self) -> Iterator[float]:
        for exponent in itertools.count():
            yield min(30.0, 0.5 * 1.6 ** min(exponent, 20)) * random.uniform(0.7, 1.3)  # noqa: S311


class _NoDiffs(kopf.DiffBaseStorage):
    """Stores nothing. No handler needs a diff, and without one kopf does half of its work per event."""

    def build(self, **_: Any) -> Any:
        """Return nothing to compare, instead of a copy of the whole object."""
        return {}

    def fetch(self, *, body: Any) -> None:
        """Return no former state."""

    def store(self, *, body: Any, patch: Any, essence: Any) -> None:
        """Write nothing on the object."""


class _NoProgress(kopf.ProgressStorage):
    """Stores nothing: kopf retries no handler, so it must write nothing on the object."""

    def fetch(self, *, key: Any, body: Any) -> None:
        """Return no progress."""

    def store(self, *, key: Any, record: Any, body: Any, patch: Any) -> None:
        """Write nothing."""

    def purge(self, *, key: Any, body: Any, patch: Any) -> None:
        """Remove nothing."""

    def touch(self, *, body: Any, patch: Any, value: Any) -> None:
        """Write nothing."""

    def clear(self, *, essence: Any) -> Any:
        """Return the object as it is."""
        return essence
