"""Stores what was decided before it is applied, and announces it afterwards: status, Events, metrics."""

from __future__ import annotations

import contextlib
import logging
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple

from seatrial.api import conditions, kinds, model_deployment, names, objects, reasons, status_fields
from seatrial.api import status as api
from seatrial.api.metadata import Key
from seatrial.api.objects import Body
from seatrial.children import actions
from seatrial.core.snapshot import ApplyError
from seatrial.kube import failures
from seatrial.kube.client import Client
from seatrial.kube.informer_group import InformerGroup
from seatrial.planner import Plan
from seatrial.reporting import events
from seatrial.reporting.newer_version import stalled_status
from seatrial.telemetry import Telemetry

log = logging.getLogger(__name__)

REMEMBERED_EVENTS: Final = 4096
"""Repeated Events (same object, reason and message) increase a count instead of creating an object."""
LONGEST_EVENT_MESSAGE: Final = 1000
API_SERVER_REASONS: Final = frozenset({reasons.Reason.API_TOO_MANY_REQUESTS, reasons.Reason.API_UNAVAILABLE})
"""No Event for these: one more write per object would go to an API server that is overloaded or down."""


class _Subject(NamedTuple):
    """The object that an Event is about."""

    key: Key
    uid: str
    version: str


class _WrittenEvent(NamedTuple):
    """An Event object: its name and how often its event has happened."""

    name: str
    times: int


class Reporter:
    """The only writer of the status of ModelDeployments and of Events; counts outcomes. `clock` returns aware times."""

    def __init__(
        self,
        client: Client,
        model_deployments: InformerGroup,
        telemetry: Telemetry,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._model_deployments = model_deployments
        self._telemetry = telemetry
        self._clock = clock
        self._written: OrderedDict[tuple[str, str, str], _WrittenEvent] = OrderedDict()
        """The Events written last, by uid of their object, reason and message."""

    async def store(self, desired: model_deployment.ModelDeployment, body: Body, plan: Plan) -> bool:
        """Store the status unless it is stored already; return False if the object was changed or deleted meanwhile.

        Of a plan that holds, the rest of the stored status is kept: this version does not understand it.
        """
        self._record(desired.key, plan.status)
        _log_decision(desired.key, plan)
        before = body.get("status") or {}
        kept = stalled_status(before, plan.hold_reason, plan.hold, self._clock()) if plan.hold else None
        after = plan.status.to_dict() if kept is None else kept
        return after == before or await self._replace_status(body, after)

    async def announce(self, desired: model_deployment.ModelDeployment, plan: Plan) -> None:
        """Count, log and emit as Events what was decided in this pass."""
        for build in plan.build_completions:
            self._telemetry.build_seconds.labels(build.outcome, build.reason).observe(build.seconds)
        for event in plan.events:
            self._count(desired.key, event)
            log.info(
                event.message,
                extra={"object": str(desired.key), "reason": str(event.reason), "outcome": event.outcome},
            )
            await self._emit(_subject(desired), event)

    async def announce_error(
        self, desired: model_deployment.ModelDeployment, apply_error: ApplyError
    ) -> None:
        """Emit an Event for what stopped the actions of a plan, unless the API server itself has a problem."""
        if apply_error.reason not in API_SERVER_REASONS:
            warning = events.Event(
                reason=apply_error.reason, message=apply_error.message, type=events.EventType.WARNING
            )
            await self._emit(_subject(desired), warning)

    def forget(self, key: Key) -> None:
        """Remove the metrics of a deleted object."""
        self._telemetry.objects.forget(key)

    def _record(self, key: Key, status: api.Status) -> None:
        weight = 0 if status.canary is None else status.canary.weight
        statuses = {str(condition.type): str(condition.status) for condition in status.conditions}
        self._telemetry.objects.record(key, phase=str(status.phase or ""), weight=weight, conditions=statuses)

    def _count(self, key: Key, event: events.Event) -> None:
        if event.outcome:
            self._telemetry.objects.count_rollout(key, outcome=event.outcome, reason=event.reason)
        if event.outcome and event.seconds is not None:
            self._telemetry.rollout_seconds.observe(event.seconds)

    async def _replace_status(self, body: Body, status: Body) -> bool:
        try:
            stored = await self._client.replace_status(kinds.MODEL_DEPLOYMENT, {**body, "status": status})
        except (failures.Conflict, failures.NotFound):
            return False
        # The pass that wrote the status knows it: no event, and so no further pass, for the own write.
        self._model_deployments.observe_write(stored, notify=False)
        return True

    async def _emit(self, subject: _Subject, event: events.Event) -> None:
        """Write an Event; count it as dropped if the API server does not take it."""
        identity = (subject.uid, event.reason, event.message)
        before = self._written.pop(identity, None)
        try:
            self._written[identity] = await self._write(subject, event, before)
        except failures.ApiError:
            self._telemetry.events_dropped.inc()
        while len(self._written) > REMEMBERED_EVENTS:
            self._written.popitem(last=False)

    async def _write(
        self, subject: _Subject, event: events.Event, before: _WrittenEvent | None
    ) -> _WrittenEvent:
        """Increase the count of the Event object; create one where there is none, or none any more."""
        if before is not None:
            with contextlib.suppress(failures.NotFound):
                return await self._increase_count(subject, before)
        created = await self._client.create(kinds.EVENT, self._body(subject, event))
        return _WrittenEvent(objects.key_of(created).name, 1)

    async def _increase_count(self, subject: _Subject, before: _WrittenEvent) -> _WrittenEvent:
        after = _WrittenEvent(before.name, before.times + 1)
        patch = {"count": after.times, "lastTimestamp": status_fields.format_time(self._clock())}
        await self._client.patch(kinds.EVENT, subject.key.namespace, after.name, patch=patch)
        return after

    def _body(self, subject: _Subject, event: events.Event) -> Body:
        now = status_fields.format_time(self._clock())
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{subject.key.name}.", "namespace": subject.key.namespace},
            "involvedObject": {
                "apiVersion": names.API_VERSION,
                "kind": names.KIND,
                "namespace": subject.key.namespace,
                "name": subject.key.name,
                "uid": subject.uid,
                "resourceVersion": subject.version,
            },
            "type": str(event.type),
            "reason": str(event.reason),
            "message": event.message[:LONGEST_EVENT_MESSAGE],
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "source": {"component": names.MANAGED_BY},
            "reportingComponent": names.MANAGED_BY,
        }


def _log_decision(key: Key, plan: Plan) -> None:
    """Log what a pass decided, why, and what follows; only at level debug."""
    if not log.isEnabledFor(logging.DEBUG):
        return
    status, ready = plan.status, plan.status.condition(conditions.ConditionType.READY)
    rollout = status.rollout
    log.debug(
        "decided",
        extra={
            "object": str(key),
            "phase": str(status.phase or ""),
            "rollout": "" if rollout is None else f"{rollout.revision} {rollout.phase} {rollout.weight} %",
            "reason": "" if ready is None else ready.reason,
            "why": plan.hold or ("" if ready is None else ready.message),
            "actions": ", ".join(actions.summary(action) for action in plan.actions),
            "wake_at": "" if plan.wake_at is None else status_fields.format_time(plan.wake_at),
        },
    )


def _subject(desired: model_deployment.ModelDeployment) -> _Subject:
    return _Subject(desired.key, desired.uid, desired.resource_version)
