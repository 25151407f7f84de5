"""The plan of one pass: observe → decide → render → report, a pure function."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from seatrial import children
from seatrial.api import model_deployment, validation
from seatrial.api import status as api
from seatrial.api.settings import Settings
from seatrial.children.actions import Action
from seatrial.core.clocks import Look, Reading, carried
from seatrial.core.decide import decide
from seatrial.core.state import RolloutState
from seatrial.observation import view
from seatrial.observation.observed import Observed, Platform
from seatrial.reporting import newer_version, schedule, status
from seatrial.reporting.events import BuildCompletion, Event, build_completions, events_of
from seatrial.routers import base as routers
from seatrial.routers.replicas import ReplicaRouter

ModelDeployment = model_deployment.ModelDeployment


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one pass does: the status is stored first, then the actions run in order, then events are announced."""

    status: api.Status
    actions: tuple[Action, ...] = ()
    events: tuple[Event, ...] = ()
    build_completions: tuple[BuildCompletion, ...] = ()
    wake_at: datetime | None = None
    urgent: bool = False
    """The writes take traffic from the canary: they go before those of other objects."""
    hold: str = ""
    """Why nothing may be decided; then only the message and the condition Stalled are written."""
    state: RolloutState | None = None
    """The state that the status holds; None where nothing was decided."""


def platform_for(
    deployment: ModelDeployment, plugins: routers.Plugins, settings: Settings
) -> tuple[ModelDeployment, Platform]:
    """Return the object and what it is planned with; invalid where its router is unknown or misconfigured."""
    try:
        router = routers.configured(deployment.spec.traffic, plugins)
    except validation.InvalidSpec as invalid:
        invalid_object = replace(deployment, refused=deployment.refused or str(invalid))
        deployment, router = invalid_object, ReplicaRouter()
    return deployment, Platform(router=router, router_kinds=routers.kind_names(plugins), settings=settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """What a process knows of the time between its looks at an object; `last` is None at the first look."""

    reading: Reading
    last: Look | None


def plan(
    deployment: ModelDeployment,
    observed: Observed,
    platform: Platform,
    *,
    now: datetime,
    attention: Attention | None = None,
) -> Plan:
    """Return the plan for what is asked for and observed at `now`; on its own outcome it has no actions.

    Without `attention` the clocks of the rollout are believed as they are stored.
    """
    if deployment.deleting:
        return Plan(status=deployment.status)
    if deployment.status.unknown:
        text = newer_version.message(deployment.status)
        return Plan(status=deployment.status, events=newer_version.events(deployment.status), hold=text)
    state, target, snapshot = view(deployment, observed, platform)
    if attention is not None:
        state = carried(state, attention.reading, attention.last, delay=target.scale_down_delay)
    decision = decide(state, target, snapshot, now.replace(microsecond=0))
    return Plan(
        status=status.status(decision, deployment.status),
        actions=children.actions_for(decision),
        events=events_of(decision, deployment.status),
        build_completions=build_completions(decision),
        wake_at=schedule.wake_at(decision),
        urgent=decision.takes_traffic_from_canary,
        state=decision.state,
    )
