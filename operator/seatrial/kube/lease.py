"""Which of several operators may write: one Lease, renewed by its holder, taken over when it is not.

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
    """Seconds. `call` must leave room for a second try within `deadline`."""

    renew: float = 2.0
    deadline: float = 10.0
    duration: float = 15.0
    call: float = 4.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """Who runs for which Lease; `identity` is of this process alone."""

    namespace: str
    name: str
    identity: str


class Elector:
    """Runs for the Lease until it is won, and holds it until it is lost.

    `client` needs a fence that is always open, and a limiter of its own: a busy queue must not cost the lease.
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
        self._refusal = ""
        """What the log said last of why the server does not answer; empty while it does."""

    def is_leader(self) -> bool:
        """Whether this process may write now."""
        return self._clock() < self._held_until

    async def run(self) -> None:
        """Ends when the lease, once won, is lost; `on_lost` has been called then."""
        while self.is_leader() or not self.won.is_set():
            if await self._attempt():
                self.won.set()
            await asyncio.sleep(self._timing.renew)
        self._on_lost()

    async def release(self) -> None:
        """The next candidate need not wait; without effect when the lease is not ours. `run` has ended before."""
        if not self.is_leader():
            return
        self._held_until = _NEVER
        with contextlib.suppress(failures.ApiError, TimeoutError):
            async with asyncio.timeout(self._timing.call):
                while not await self._freed():
                    pass  # a renewal that was cut off has arrived after all

    async def _freed(self) -> bool:
        lease = await self._client.get(LEASE, self._candidate.namespace, self._candidate.name)
        if _holder(lease) != self._candidate.identity:
            return True
        try:
            await self._client.replace(LEASE, _with_spec(lease, holderIdentity="", leaseDurationSeconds=1))
        except failures.Conflict:
            return False
        return True

    async def _attempt(self) -> bool:
        """Takes or renews the lease where it may; says whether it is ours."""
        sent_at = self._clock()
        try:
            async with asyncio.timeout(self._timing.call):
                held = await self._take_or_renew()
        except (failures.ApiError, TimeoutError) as error:
            self._complain(error)
            return self.is_leader()  # nobody knows: what was won before holds until its deadline
        self._refusal = ""
        self._held_until = sent_at + self._timing.deadline if held else _NEVER
        return held

    def _complain(self, error: Exception) -> None:
        """The log says why the lease is not to be had: once, and again when the reason is another."""
        refusal = f"{error.status} {error.reason}" if isinstance(error, failures.ApiError) else "Timeout"
        if refusal != self._refusal:
            log.warning("the lease was neither had nor refused", extra={"error": str(error) or refusal})
        self._refusal = refusal

    async def _take_or_renew(self) -> bool:
        candidate = self._candidate
        try:
            lease = await self._client.get(LEASE, candidate.namespace, candidate.name)
        except failures.NotFound:
            await self._client.create(LEASE, self._new())
            return True
        holder = _holder(lease)
        if holder and holder != candidate.identity and not self._is_abandoned(lease):
            return False
        changes = int((lease.get("spec") or {}).get("leaseTransitions") or 0)
        renewed = {"renewTime": self._stamp()} if holder == candidate.identity else self._taken(changes + 1)
        await self._client.replace(LEASE, _with_spec(lease, **renewed))
        return True

    def _is_abandoned(self, lease: Body) -> bool:
        """Whether nobody renewed the lease for as long as its holder promised, by our own clock."""
        version = objects.version_of(lease)
        if version != self._seen[0]:
            self._seen = (version, self._clock())
        promised = (lease.get("spec") or {}).get("leaseDurationSeconds") or self._timing.duration
        return self._clock() - self._seen[1] >= promised

    def _taken(self, changes: int) -> Body:
        return {
            "holderIdentity": self._candidate.identity,
            "leaseDurationSeconds": int(self._timing.duration),
            "acquireTime": self._stamp(),
            "renewTime": self._stamp(),
            "leaseTransitions": changes,
        }

    def _new(self) -> Body:
        metadata = {"namespace": self._candidate.namespace, "name": self._candidate.name}
        body = {"metadata": metadata, "spec": self._taken(0)}
        return {"apiVersion": LEASE.api_version, "kind": LEASE.kind, **body}

    def _stamp(self) -> str:
        return self._now().astimezone(UTC).strftime(_MICRO_TIME)


def _holder(lease: Body) -> str:
    return (lease.get("spec") or {}).get("holderIdentity") or ""


def _with_spec(lease: Body, **changes: object) -> Body:
    """The lease with its resourceVersion, so that a write by anybody else in between is noticed."""
    return {**lease, "spec": {**(lease.get("spec") or {}), **changes}}
