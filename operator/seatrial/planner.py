"""The plan of one pass: observe → decide → render → report, a pure function.

It never raises: a bug leaves a plan in which what serves and what is on trial is watched as under an invalid spec.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from seatrial import children
from seatrial.api import model_deployment, validation
from seatrial.api import status as api
from seatrial.api.objects import Body
from seatrial.api.reasons import Reason
from seatrial.api.settings import Settings
from seatrial.children.actions import Action
from seatrial.children.chains import Chain, actions_of
from seatrial.core.clocks import Look, Reading, carried
from seatrial.core.decide import decide
from seatrial.core.state import RolloutState
from seatrial.observation import view
from seatrial.observation.dry_runs import refused_by_cluster
from seatrial.observation.internal_error import InternalError
from seatrial.observation.observed import Observed, Platform, Questions
from seatrial.observation.questions import questions
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
    urgent: bool = False
    """The writes take traffic from the canary: they go before those of other objects."""
    hold: str = ""
    """Why nothing may be decided; then only the message and the condition Stalled are written."""
    state: RolloutState | None = None
    """The state that the status holds; None where nothing was decided."""
    hold_reason: Reason = Reason.NEWER_VERSION
    bug: InternalError | None = None
    """What the shell has to log and to count."""

    @property
    def actions(self) -> tuple[Action, ...]:
        """Return the actions of all chains, in their order."""
        return actions_of(self.chains)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One object as it is planned, and what has to be observed for it."""

    deployment: ModelDeployment
    platform: Platform
    questions: Questions = field(default_factory=Questions)
    bug: InternalError | None = None
    """Why the spec is not read; the plan reports it."""


def subject_of(body: Body, plugins: routers.Plugins, settings: Settings) -> Subject:
    """Return what is to be planned for the stored object; without its spec where reading that is a bug."""
    try:
        parsed = model_deployment.parse_leniently(body)
        deployment, platform = platform_for(parsed, plugins, settings)
        asked = questions(deployment, platform)
        return Subject(deployment=deployment, platform=platform, questions=asked)
    except Exception as error:
        bug = InternalError(error)
        empty = model_deployment.without_spec(body)
        refused = model_deployment.refuse(empty, bug.message, Reason.INTERNAL_ERROR)
        platform = Platform(
            router=ReplicaRouter(), router_kinds=routers.kind_names(plugins), settings=settings
        )
        return Subject(deployment=refused, platform=platform, bug=bug)


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
    try:
        return _plan(deployment, observed, platform, now=now, attention=attention)
    except Exception as error:
        bug = InternalError(error)
        refused = model_deployment.refuse(deployment, bug.message, Reason.INTERNAL_ERROR)
        return _fallback(refused, observed, platform, now=now, attention=attention, bug=bug)


def _plan(
    deployment: ModelDeployment,
    observed: Observed,
    platform: Platform,
    *,
    now: datetime,
    attention: Attention | None,
) -> Plan:
    deployment = refused_by_cluster(deployment, observed)
    state, target, snapshot = view(deployment, observed, platform)
    if attention is not None:
        state = carried(state, attention.reading, attention.last, delay=target.scale_down_delay)
    decision = decide(state, target, snapshot, now.replace(microsecond=0))
    return Plan(
        status=status.status(decision, deployment.status),
        chains=children.chains_for(decision),
        events=events_of(decision, deployment.status),
        build_completions=build_completions(decision),
        wake_at=schedule.wake_at(decision),
        urgent=decision.takes_traffic_from_canary,
        state=decision.state,
    )


def _fallback(
    refused: ModelDeployment,
    observed: Observed,
    platform: Platform,
    *,
    now: datetime,
    attention: Attention | None,
    bug: InternalError,
) -> Plan:
    """Return the plan without the spec: what serves is kept, what fails is rolled back, decisions are taken.

    Only where that is impossible as well is nothing done but to report it.
    """
    try:
        return replace(_plan(refused, observed, platform, now=now, attention=attention), bug=bug)
    except Exception as error:  # its context is the first one: both are logged
        bug = InternalError(error)
        return Plan(status=refused.status, hold=bug.message, hold_reason=Reason.INTERNAL_ERROR, bug=bug)
