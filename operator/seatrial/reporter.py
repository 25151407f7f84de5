"""Stores what was decided before it is done, and tells it afterwards: status, Events, metrics."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from seatrial.api import deployment, names, told
from seatrial.api import status as api
from seatrial.api.keys import Key
from seatrial.kube import failures, kinds
from seatrial.kube.bodies import Body
from seatrial.kube.client import Client
from seatrial.kube.known import Known
from seatrial.planning import stories
from seatrial.planning.planner import Plan
from seatrial.telemetry import Telemetry

log = logging.getLogger(__name__)

REMEMBERED_EVENTS: Final = 4096
"""Events of the same object, reason and message are counted, not written again."""
LONGEST_EVENT_MESSAGE: Final = 1000


class Reporter:
    """The only place that writes status and Events and counts outcomes. `clock` gives aware times."""

    def __init__(
        self, client: Client, known: Known, telemetry: Telemetry, *, clock: Callable[[], datetime]
    ) -> None:
        self._client = client
        self._known = known
        self._telemetry = telemetry
        self._clock = clock
        self._told: OrderedDict[tuple[Any, ...], Body] = OrderedDict()

    async def store(self, desired: deployment.ModelDeployment, body: Body, status: api.Status) -> bool:
        """The status is stored, or it was so already; False: somebody wrote in between, look again."""
        self._show(desired.key, status)
        said = status.to_dict()
        if said == (body.get("status") or {}):
            return True
        wanted = {**body, "status": said}
        try:
            stored = await self._client.replace_status(kinds.MODEL_DEPLOYMENT, wanted)
        except (failures.Conflict, failures.NotFound):
            return False
        self._known.take(stored)
        return True

    async def tell(self, desired: deployment.ModelDeployment, plan: Plan) -> None:
        """What was decided in this pass is counted and is an Event, once."""
        for end in plan.built:
            self._telemetry.build_seconds.labels(end.outcome, end.reason).observe(end.seconds)
        for tale in plan.told:
            self._count(tale)
            log.info(
                tale.message,
                extra={"object": str(desired.key), "reason": str(tale.reason), "outcome": tale.outcome},
            )
            await self._emit(desired, tale)

    def forget(self, key: Key) -> None:
        """A deleted object leaves nothing behind."""
        self._telemetry.forget(key)

    def _show(self, key: Key, status: api.Status) -> None:
        weight = 0 if status.canary is None else status.canary.weight
        self._telemetry.show(key, str(status.phase or ""), weight)

    def _count(self, tale: stories.Tale) -> None:
        if tale.outcome:
            self._telemetry.rollouts.labels(tale.outcome, tale.reason).inc()
        if tale.outcome and tale.seconds is not None:
            self._telemetry.rollout_seconds.observe(tale.seconds)

    async def _emit(self, desired: deployment.ModelDeployment, tale: stories.Tale) -> None:
        memory = (desired.uid, tale.reason, tale.message)
        try:
            before = self._told.get(memory)
            self._told[memory] = await (
                self._client.create(kinds.EVENT, self._event(desired, tale))
                if before is None
                else self._counted(before)
            )
        except failures.ApiError:
            self._telemetry.events_dropped.inc()
            self._told.pop(memory, None)
        while len(self._told) > REMEMBERED_EVENTS:
            self._told.popitem(last=False)

    async def _counted(self, before: Body) -> Body:
        head = before["metadata"]
        patch = {"count": before.get("count", 1) + 1, "lastTimestamp": told.format_time(self._clock())}
        return await self._client.patch(kinds.EVENT, head["namespace"], head["name"], patch=patch)

    def _event(self, desired: deployment.ModelDeployment, tale: stories.Tale) -> Body:
        now = told.format_time(self._clock())
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{desired.key.name}.", "namespace": desired.key.namespace},
            "involvedObject": {
                "apiVersion": names.API_VERSION,
                "kind": names.KIND,
                "namespace": desired.key.namespace,
                "name": desired.key.name,
                "uid": desired.uid,
                "resourceVersion": desired.resource_version,
            },
            "type": str(tale.tone),
            "reason": str(tale.reason),
            "message": tale.message[:LONGEST_EVENT_MESSAGE],
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "source": {"component": names.MANAGED_BY},
            "reportingComponent": names.MANAGED_BY,
        }
