"""Plays the operator against a simulated world: plan, store, do, let time pass, until nothing more happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from seatrial import planner
from seatrial.api import names
from seatrial.api import status as api
from seatrial.api.objects import Body, label_of
from seatrial.children.actions import Action
from seatrial.observation import pod_diagnosis
from seatrial.observation.observed import Platform
from seatrial.reporting.events import EventType
from seatrial.simulation import cluster, observer
from seatrial.simulation.cluster import Pace, World

MOST_PASSES = 5000
"""A rollout takes some dozens; beyond it something never comes to rest."""


class Restless(Exception):
    """The operator never stops acting: a bug."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pods:
    """The server pods of one revision."""

    ready: int = 0
    all: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """All that happened at one time: what the status says then, what was done, and how many pods there were."""

    at: datetime
    status: api.Status
    actions: tuple[Action, ...]
    pods: int
    tracks: Mapping[str, Pods]
    """Revision → its server pods, at the end of that time."""
    warnings: tuple[str, ...] = ()
    """What the operator warns of, in Events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One plan, and the world that follows from it at the same time."""

    at: datetime
    plan: planner.Plan
    before: World
    after: World


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """One ModelDeployment, the parts its plans are made with, and how fast its world is."""

    name: str
    parts: Platform
    pace: Pace = field(default_factory=Pace)

    def step(self, here: World, now: datetime) -> Pass:
        """One pass of the operator, and what the world makes of it at once."""
        wanted = observer.desired(here, self.name)
        seen = observer.observed(here, wanted, self.parts)
        plan = planner.plan(wanted, seen, self.parts, now=now)
        after = cluster.with_status(here, self.name, plan.status.to_dict())
        after = cluster.lived(cluster.applied(after, plan.actions, now), now, self.pace)
        return Pass(at=now, plan=plan, before=here, after=after)

    def passes(self, here: World, now: datetime, *, until: datetime | None = None) -> Iterator[Pass]:
        """Every pass until nothing moves by itself any more, or until the time is over."""
        here = cluster.lived(here, now, self.pace)
        for _ in range(MOST_PASSES):
            one = self.step(here, now)
            yield one
            moved, here = one.after.objects != here.objects, one.after
            if moved:
                continue
            coming = self._coming(one)
            if coming is None or (until is not None and coming > until):
                return
            now = coming
            here = cluster.lived(here, now, self.pace)
        raise Restless(f"{self.name} does not come to rest")

    def _coming(self, one: Pass) -> datetime | None:
        moments = (one.plan.wake_at, cluster.next_event(one.after, one.at, self.pace))
        return min((at for at in moments if at is not None), default=None)

    def moments(self, here: World, now: datetime) -> tuple[Moment, ...]:
        """What a person would see happen, one entry for each time at which something does."""
        told: list[Moment] = []
        for one in self.passes(here, now):
            told = _told(told, one)
        return tuple(told)


def _told(moments: list[Moment], one: Pass) -> list[Moment]:
    last, new = moments[-1] if moments else None, _moment(one)
    if last is None:
        return [new]
    if last.at != one.at:
        same = last.status == new.status and not new.actions and last.tracks == new.tracks
        return moments if same else [*moments, new]
    both = replace(
        new,
        actions=(*last.actions, *new.actions),
        pods=max(last.pods, new.pods),
        warnings=(*last.warnings, *new.warnings),
    )
    return [*moments[:-1], both]


def _moment(one: Pass) -> Moment:
    plan = one.plan
    return Moment(
        at=one.at,
        status=plan.status,
        actions=plan.actions,
        pods=len(serving_pods(one.after)),
        tracks=_tracks(one.after),
        warnings=tuple(
            f"{tale.reason}: {tale.message}" for tale in plan.events if tale.type is EventType.WARNING
        ),
    )


def _tracks(here: World) -> dict[str, Pods]:
    counted: dict[str, Pods] = {}
    for pod in serving_pods(here):
        revision = label_of(pod, names.LABEL_REVISION)
        before = counted.get(revision, Pods())
        counted[revision] = Pods(ready=before.ready + pod_diagnosis.is_ready(pod), all=before.all + 1)
    return counted


def serving_pods(here: World) -> tuple[Body, ...]:
    """The pods that serve or are to serve, of all revisions."""
    return tuple(pod for pod in here.of("Pod") if label_of(pod, names.LABEL_SERVER))
