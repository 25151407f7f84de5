"""Stores what was decided before it is done, and tells it afterwards: status, Events, metrics."""

from __future__ import annotations

import contextlib
import logging
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple

from seatrial.api import kinds, model_deployment, names, objects, reasons, status_fields
from seatrial.api import status as api
from seatrial.api.metadata import Key
from seatrial.api.objects import Body
from seatrial.core.snapshot import ApplyError
from seatrial.kube import failures
from seatrial.kube.client import Client
from seatrial.kube.store import Known
from seatrial.planner import Plan
from seatrial.reporting import events
from seatrial.telemetry import Telemetry

log = logging.getLogger(__name__)

REMEMBERED_EVENTS: Final = 4096
"""Events of the same object, reason and message are counted, not written again."""
LONGEST_EVENT_MESSAGE: Final = 1000
NOT_OF_THE_OBJECT: Final = frozenset({reasons.Reason.API_TOO_MANY_REQUESTS, reasons.Reason.API_UNAVAILABLE})
"""An Event for each object would be one more write for each to a server that cannot bear those it has."""


class _About(NamedTuple):
    """The object that an Event is about."""

    key: Key
    uid: str
    version: str


class _Told(NamedTuple):
    """An Event that was written: its name, and how often it has happened."""

    name: str
    times: int


class Reporter:
    """The only place that writes status and Events and counts outcomes. `clock` gives aware times."""

    def __init__(
        self, client: Client, known: Known, telemetry: Telemetry, *, clock: Callable[[], datetime]
    ) -> None:
        self._client = client
        self._known = known
        self._telemetry = telemetry
        self._clock = clock
        self._told: OrderedDict[tuple[str, str, str], _Told] = OrderedDict()

    async def store(self, desired: model_deployment.ModelDeployment, body: Body, status: api.Status) -> bool:
        """The status is stored, or it was so already; False: somebody wrote in between, look again."""
        self._show(desired.key, status)
        said = status.to_dict()
        return said == (body.get("status") or {}) or await self._stored(body, said)

    async def complain(self, desired: model_deployment.ModelDeployment, apply_error: ApplyError) -> None:
        """What stopped the actions of a plan is an Event, unless it is the API server's own trouble."""
        if apply_error.reason not in NOT_OF_THE_OBJECT:
            await self._emit(_about(desired), _warning(apply_error.reason, apply_error.message))

    async def tell(self, desired: model_deployment.ModelDeployment, plan: Plan) -> None:
        """What was decided in this pass is counted and is an Event, once."""
        for end in plan.build_completions:
            self._telemetry.build_seconds.labels(end.outcome, end.reason).observe(end.seconds)
        for tale in plan.events:
            self._count(tale)
            log.info(
                tale.message,
                extra={"object": str(desired.key), "reason": str(tale.reason), "outcome": tale.outcome},
            )
            await self._emit(_about(desired), tale)

    def forget(self, key: Key) -> None:
        """A deleted object leaves nothing behind."""
        self._telemetry.forget(key)

    def _show(self, key: Key, status: api.Status) -> None:
        weight = 0 if status.canary is None else status.canary.weight
        self._telemetry.show(key, str(status.phase or ""), weight)

    def _count(self, tale: events.Event) -> None:
        if tale.outcome:
            self._telemetry.rollouts.labels(tale.outcome, tale.reason).inc()
        if tale.outcome and tale.seconds is not None:
            self._telemetry.rollout_seconds.observe(tale.seconds)

    async def _stored(self, body: Body, status: Body) -> bool:
        try:
            stored = await self._client.replace_status(kinds.MODEL_DEPLOYMENT, {**body, "status": status})
        except (failures.Conflict, failures.NotFound):
            return False
        self._known.take(stored)
        return True

    async def _emit(self, about: _About, tale: events.Event) -> None:
        memory = (about.uid, tale.reason, tale.message)
        before = self._told.pop(memory, None)
        try:
            self._told[memory] = await self._written(about, tale, before)
        except failures.ApiError:
            self._telemetry.events_dropped.inc()
        while len(self._told) > REMEMBERED_EVENTS:
            self._told.popitem(last=False)

    async def _written(self, about: _About, tale: events.Event, before: _Told | None) -> _Told:
        """The Event counts once more; it is made where there is none, or none any more."""
        if before is not None:
            with contextlib.suppress(failures.NotFound):
                return await self._counted(about, before)
        made = await self._client.create(kinds.EVENT, self._event(about, tale))
        return _Told(objects.key_of(made).name, 1)

    async def _counted(self, about: _About, before: _Told) -> _Told:
        now = _Told(before.name, before.times + 1)
        patch = {"count": now.times, "lastTimestamp": status_fields.format_time(self._clock())}
        await self._client.patch(kinds.EVENT, about.key.namespace, now.name, patch=patch)
        return now

    def _event(self, about: _About, tale: events.Event) -> Body:
        now = status_fields.format_time(self._clock())
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{about.key.name}.", "namespace": about.key.namespace},
            "involvedObject": {
                "apiVersion": names.API_VERSION,
                "kind": names.KIND,
                "namespace": about.key.namespace,
                "name": about.key.name,
                "uid": about.uid,
                "resourceVersion": about.version,
            },
            "type": str(tale.type),
            "reason": str(tale.reason),
            "message": tale.message[:LONGEST_EVENT_MESSAGE],
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "source": {"component": names.MANAGED_BY},
            "reportingComponent": names.MANAGED_BY,
        }


def _about(desired: model_deployment.ModelDeployment) -> _About:
    return _About(desired.key, desired.uid, desired.resource_version)


def _warning(reason: str, message: str) -> events.Event:
    return events.Event(reason=reason, message=message, type=events.EventType.WARNING)
