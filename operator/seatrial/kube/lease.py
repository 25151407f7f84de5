"""Leader election: one Lease decides which of several operators may write.

The fence is time: the holder believes in itself for `deadline` seconds after it *sent* the last renewal that
succeeded, others for `duration` seconds after they *saw* it, so there are never two. Only the process' own
monotonic clock counts, never the times that the Lease shows.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from seatrial.api import objects
from seatrial.api.kinds import LEASE
from seatrial.api.objects import Body
from seatrial.kube import failures
from seatrial.kube.client import Client

log = logging.getLogger(__name__)

_MICRO_TIME: Final = "%Y-%m-%dT%H:%M:%S.%fZ"
_NEVER: Final = float("-inf")


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. `call` must leave time for a second try within `deadline`."""

    renew: float = 2.0
    deadline: float = 10.0
    duration: float = 15.0
    call: float = 4.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A candidate for a Lease; `identity` must be unique to the process."""

    namespace: str
    name: str
    identity: str


class Elector:
    """Acquires the Lease and renews it until it is lost.

    `client` must have a fence that is always open and a limiter of its own: a busy queue must not cost the lease.
    """

    def __init__(
        self,
        client: Client,
        candidate: Candidate,
        *,
        clock: Callable[[], float],
        now: Callable[[], datetime],
        on_lost: Callable[[], None],
        timing: Timing = Timing(),
    ) -> None:
        self.won = asyncio.Event()
        self._client = client
        self._candidate = candidate
        self._clock = clock
        self._now = now
        self._on_lost = on_lost
        self._timing = timing
        self._held_until = _NEVER
        self._seen = ("", _NEVER)
        """The Lease's last version, and when this process first saw it."""
        self._logged_error = ""
        """The error that was logged last; empty while the server answers."""

    def is_leader(self) -> bool:
        """Return whether this process holds the lease now."""
        return self._clock() < self._held_until

    async def run(self) -> None:
        """Acquire and renew the lease; call `on_lost` and return once it is lost."""
        while self.is_leader() or not self.won.is_set():
            if await self._attempt():
                self.won.set()
            await asyncio.sleep(self._timing.renew)
        self._on_lost()

    async def release(self) -> None:
        """Release the lease if it is held, so that the next candidate need not wait; call it after `run` has ended."""
        if not self.is_leader():
            return
        self._held_until = _NEVER
        with contextlib.suppress(failures.ApiError, TimeoutError):
            async with asyncio.timeout(self._timing.call):
                while not await self._released():
                    pass  # a renewal that was cancelled has reached the server after all

    async def _released(self) -> bool:
        """Clear the holder; return False if the Lease changed in between."""
        lease = await self._client.get(LEASE, self._candidate.namespace, self._candidate.name)
        if _holder(lease) != self._candidate.identity:
            return True
        try:
            await self._client.replace(LEASE, _with_spec(lease, holderIdentity="", leaseDurationSeconds=1))
        except failures.Conflict:
            return False
        return True

    async def _attempt(self) -> bool:
        """Acquire or renew the lease if possible; return whether this process holds it."""
        sent_at = self._clock()
        try:
            async with asyncio.timeout(self._timing.call):
                held = await self._acquire_or_renew()
        except (failures.ApiError, TimeoutError) as error:
            self._log_error(error)
            return self.is_leader()  # the result is unknown: a lease that is held is valid until its deadline
        self._logged_error = ""
        self._held_until = sent_at + self._timing.deadline if held else _NEVER
        return held

    def _log_error(self, error: Exception) -> None:
        """Log why the lease cannot be read or written: once, and again when the error is a different one."""
        summary = f"{error.status} {error.reason}" if isinstance(error, failures.ApiError) else "Timeout"
        if summary != self._logged_error:
            log.warning("lease cannot be acquired or renewed", extra={"error": str(error) or summary})
        self._logged_error = summary

    async def _acquire_or_renew(self) -> bool:
        candidate = self._candidate
        try:
            lease = await self._client.get(LEASE, candidate.namespace, candidate.name)
        except failures.NotFound:
            await self._client.create(LEASE, self._new())
            return True
        holder = _holder(lease)
        if holder and holder != candidate.identity and not self._is_abandoned(lease):
            return False
        transitions = int((lease.get("spec") or {}).get("leaseTransitions") or 0)
        renewal = {"renewTime": self._now_text()}
        spec = renewal if holder == candidate.identity else self._spec(transitions + 1)
        await self._client.replace(LEASE, _with_spec(lease, **spec))
        return True

    def _is_abandoned(self, lease: Body) -> bool:
        """Return whether the lease was not renewed for its duration, by the clock of this process."""
        version = objects.version_of(lease)
        if version != self._seen[0]:
            self._seen = (version, self._clock())
        duration = (lease.get("spec") or {}).get("leaseDurationSeconds") or self._timing.duration
        return self._clock() - self._seen[1] >= duration

    def _spec(self, transitions: int) -> Body:
        return {
            "holderIdentity": self._candidate.identity,
            "leaseDurationSeconds": int(self._timing.duration),
            "acquireTime": self._now_text(),
            "renewTime": self._now_text(),
            "leaseTransitions": transitions,
        }

    def _new(self) -> Body:
        metadata = {"namespace": self._candidate.namespace, "name": self._candidate.name}
        body = {"metadata": metadata, "spec": self._spec(0)}
        return {"apiVersion": LEASE.api_version, "kind": LEASE.kind, **body}

    def _now_text(self) -> str:
        return self._now().astimezone(UTC).strftime(_MICRO_TIME)


def _holder(lease: Body) -> str:
    return (lease.get("spec") or {}).get("holderIdentity") or ""


def _with_spec(lease: Body, **changes: object) -> Body:
    """Return the Lease with changes in its spec; its resourceVersion makes a write in between a conflict."""
    return {**lease, "spec": {**(lease.get("spec") or {}), **changes}}
