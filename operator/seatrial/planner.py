"""The plan of one pass: observe → decide → render → report, a pure function."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from seatrial import children
from seatrial.api import model_deployment, validation
from seatrial.api import status as api
from seatrial.api.settings import Settings
from seatrial.children.actions import Action
from seatrial.children.chains import Chain, actions_of
from seatrial.core.decide import decide
from seatrial.observation import view
from seatrial.observation.dry_runs import refused_by_cluster
from seatrial.observation.observed import Observed, Platform
from seatrial.reporting import newer_version, schedule, status
from seatrial.reporting.events import BuildCompletion, Event, build_completions, events_of
from seatrial.routers import base as routers
from seatrial.routers.replicas import ReplicaRouter

ModelDeployment = model_deployment.ModelDeployment


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one pass does: the status is stored first, then the chains of actions run, then events are announced."""

    status: api.Status
    chains: tuple[Chain, ...] = ()
    events: tuple[Event, ...] = ()
    build_completions: tuple[BuildCompletion, ...] = ()
    wake_at: datetime | None = None
    hold: str = ""
    """Why nothing may be decided; then only the message and the condition Stalled are written."""

    @property
    def actions(self) -> tuple[Action, ...]:
        """Return the actions of all chains, in their order."""
        return actions_of(self.chains)


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


def plan(deployment: ModelDeployment, observed: Observed, platform: Platform, *, now: datetime) -> Plan:
    """Return the plan for what is asked for and observed at `now`; on its own outcome it has no actions."""
    if deployment.deleting:
        return Plan(status=deployment.status)
    if deployment.status.unknown:
        text = newer_version.message(deployment.status)
        return Plan(status=deployment.status, events=newer_version.events(deployment.status), hold=text)
    deployment = refused_by_cluster(deployment, observed)
    state, target, snapshot = view(deployment, observed, platform)
    decision = decide(state, target, snapshot, now.replace(microsecond=0))
    return Plan(
        status=status.status(decision, deployment.status),
        chains=children.chains_for(decision),
        events=events_of(decision, deployment.status),
        build_completions=build_completions(decision),
        wake_at=schedule.wake_at(decision),
    )
