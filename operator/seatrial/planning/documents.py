"""Which children should exist now, and what is done about each: derived from the memory and what is seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from seatrial.api import deployment, names, phases
from seatrial.api import status as api
from seatrial.core import moves, references
from seatrial.core.memory import Memory
from seatrial.core.moves import Phase
from seatrial.core.wish import Image, Situation
from seatrial.manifests import job, server, workload
from seatrial.manifests.metadata import Body, Owner
from seatrial.planning import actions, diff, facts, jobs, sizes
from seatrial.planning.actions import Action
from seatrial.planning.observed import Observed, Parts
from seatrial.routers.base import Split

WITH_USERS = frozenset({Phase.SHIFTING, Phase.PAUSED, Phase.PROMOTING, Phase.ROLLING_BACK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that children are derived from."""

    desired: deployment.ModelDeployment
    observed: Observed
    parts: Parts
    memory: Memory
    at: Situation
    fingerprint: str
    missing: tuple[references.Reference, ...] = ()
    """What pods of the wanted revision would lack: nothing is rendered until it is there."""

    @property
    def owner(self) -> Owner:
        """The object itself."""
        key = self.desired.key
        return Owner(namespace=key.namespace, name=key.name, uid=self.desired.uid)


def child_actions(scene: Scene) -> tuple[Action, ...]:
    """What makes the children right, in the order in which it is safe to be interrupted.

    What pods need comes before pods; autoscalers are held before traffic moves; traffic leaves before pods do.
    """
    return (
        *_templates(scene),
        *_autoscalers(scene),
        *_routes(scene),
        *_workloads(scene),
        *_budget(scene),
        *_build(scene),
        *_leftovers(scene),
    )


def _seen(scene: Scene, wanted: Body) -> Body | None:
    name, kind = wanted["metadata"]["name"], wanted["kind"]
    return next(
        (b for b in scene.observed.children() if b["metadata"]["name"] == name and b["kind"] == kind), None
    )


def _changes(scene: Scene, documents: Iterator[Body]) -> Iterator[Action]:
    for wanted in documents:
        action = diff.change(wanted, _seen(scene, wanted))
        if action is not None:
            yield action


# what a revision is


def _templates(scene: Scene) -> Iterator[Action]:
    """The canary's copies and template are kept before its first pod."""
    canary, rollout = scene.memory.canary, scene.memory.rollout
    if canary is None or rollout is None or rollout.phase in {Phase.REJECTED, Phase.ROLLING_BACK}:
        return
    if scene.missing:
        return
    if canary.revision in facts.kept(scene.observed) or canary.revision != scene.at.wish.revision:
        return
    copies = copy_names(scene, canary.revision)
    yield from _changes(scene, _copies(scene, canary.revision))
    yield actions.Create(_rendered(scene, canary, copies))


def copy_names(scene: Scene, revision: str) -> Mapping[str, str]:
    """ConfigMap → the name of its copy, of those that pods of the wanted revision read."""
    return {
        reference.name: f"{scene.owner.child(revision)}-{number}"
        for number, reference in enumerate(_copied(scene))
    }


def _copied(scene: Scene) -> list[references.Reference]:
    found = references.of_pods(scene.desired.spec.serving)
    seen = scene.observed.references
    return [r for r in found if r.holder is references.Holder.CONFIG_MAP and r in seen and seen[r].present]


def _copies(scene: Scene, revision: str) -> Iterator[Body]:
    for number, reference in enumerate(_copied(scene)):
        yield workload.configuration_copy(
            scene.owner,
            revision,
            number=number,
            seen=scene.observed.references[reference],
            origin=reference.name,
        )


def _rendered(scene: Scene, canary: api.TrackStatus, copies: Mapping[str, str]) -> Body:
    registry = job.registry_of(scene.desired.spec, scene.parts.settings)
    template = server.template(
        scene.owner,
        canary.revision,
        wanted=scene.desired.spec,
        image=canary.image,
        pull_secret=registry.pull_secret_name,
        copies=copies,
    )
    image = Image(
        reference=canary.image,
        build_id=canary.build_id,
        model_digest=canary.model_digest,
        format=canary.format,
    )
    number = 1 + max((int(r.get("revision", 0)) for r in scene.observed.revisions), default=0)
    return workload.controller_revision(
        scene.owner,
        canary.revision,
        template=template,
        image=image,
        fingerprint=scene.fingerprint,
        number=number,
    )


def _template_of(scene: Scene, revision: str) -> Body | None:
    """The template as it was rendered once; as it will be kept, when this is the first pass that has it."""
    kept = facts.kept(scene.observed).get(revision)
    if kept is not None:
        template: Body = (kept.get("data") or {}).get("template") or {}
        return template
    canary = scene.memory.canary
    if canary is None or scene.missing or not canary.revision == revision == scene.at.wish.revision:
        return None
    rendered: Body = _rendered(scene, canary, copy_names(scene, revision))["data"]["template"]
    return rendered


# what runs it


def _workloads(scene: Scene) -> Iterator[Action]:
    stable, canary = scene.memory.stable, scene.memory.canary
    if stable is not None:
        pods = sizes.stable_pods(scene.memory, scene.at, scene.desired.spec.scaling)
        yield from _workload(scene, stable.revision, pods)
    if canary is None or (stable is not None and canary.revision == stable.revision):
        return
    pods = sizes.canary_pods(scene.memory, scene.at)
    if scene.at.track(canary.revision).exists or (pods is not None and _starting(scene)):
        yield from _workload(scene, canary.revision, pods)


def _starting(scene: Scene) -> bool:
    """A Deployment that is not there may be made: a canary on its way up, also when somebody deleted it."""
    rollout = scene.memory.rollout
    return rollout is not None and rollout.phase in {Phase.STARTING, Phase.SHIFTING, Phase.PROMOTING}


def _workload(scene: Scene, revision: str, pods: int | None) -> Iterator[Action]:
    template = _template_of(scene, revision)
    if template is None:
        return
    wanted = workload.deployment(scene.owner, revision, template)
    seen = _seen(scene, wanted)
    if seen is None:
        count = scene.desired.spec.scaling.floor if pods is None else pods
        yield actions.Create({**wanted, "spec": {**wanted["spec"], "replicas": count}})
        return
    action = diff.change(wanted, seen)
    if action is not None:
        yield action
    if pods is not None and pods != scene.at.track(revision).wanted:
        yield actions.Scale(namespace=scene.owner.namespace, name=wanted["metadata"]["name"], replicas=pods)


def _autoscalers(scene: Scene) -> Iterator[Action]:
    scaling, stable = scene.desired.spec.scaling, scene.memory.stable
    if not scaling.autoscaled or stable is None or sizes.making_room(scene.memory, scene.at):
        return
    seen = scene.at.track(stable.revision)
    if seen.wanted == 0:
        return
    present = min(max(scaling.floor, seen.wanted), scaling.max_replicas or scaling.floor)
    held = has_users(scene.memory)
    floor = present if held or not _measuring(scene, stable.revision) else scaling.floor
    wanted = workload.autoscaler(
        scene.owner, stable.revision, wanted=scaling, floor=floor, may_shrink=not held
    )
    yield from _changes(scene, iter((wanted,)))


def _measuring(scene: Scene, revision: str) -> bool:
    """The autoscaler has metrics: from here on it keeps the count by itself."""
    seen = next(iter(facts.of_revision(scene.observed.autoscalers, revision)), None)
    conditions = ((seen or {}).get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "ScalingActive" and c.get("status") == "True" for c in conditions)


def _budget(scene: Scene) -> Iterator[Action]:
    if scene.memory.stable is None or scene.desired.spec.scaling.floor < 2:
        return
    wanted = workload.disruption_budget(scene.owner, scene.desired.spec.scaling.disruption_budget)
    yield from _changes(scene, iter((wanted,)))


# who gets the traffic


def has_users(memory: Memory) -> bool:
    """The canary answers users now."""
    rollout = memory.rollout
    return (
        rollout is not None
        and rollout.phase in WITH_USERS
        and rollout.users_since is not None
        and rollout.weight > 0
    )


def split_of(memory: Memory) -> Split | None:
    """Who should answer; None while nobody can."""
    stable, canary, rollout = memory.stable, memory.canary, memory.rollout
    if stable is None:
        started = canary is not None and rollout is not None and rollout.phase is not Phase.BUILDING
        return Split(stable=canary.revision) if canary is not None and started else None
    if not has_users(memory) or canary is None or rollout is None:
        return Split(stable=stable.revision)
    return Split(stable=stable.revision, canary=canary.revision, weight=rollout.weight)


def _routes(scene: Scene) -> Iterator[Action]:
    split = split_of(scene.memory)
    if split is not None:
        yield from _changes(scene, iter(scene.parts.router.render(scene.owner, split)))


# how it is built


def _build(scene: Scene) -> Iterator[Action]:
    rollout, build = scene.memory.rollout, scene.memory.build
    if (
        rollout is None
        or rollout.phase is not Phase.BUILDING
        or build is None
        or build.id != scene.at.wish.build_id
    ):
        return
    if build.phase not in {phases.BuildPhase.PENDING, phases.BuildPhase.RUNNING}:
        return
    spec, operator = scene.desired.spec, scene.parts.settings
    plan = job.BuildPlan(
        build_id=build.id,
        attempt=build.attempt,
        revision=rollout.revision,
        runtime=build.runtime,
        runtime_image=operator.runtimes[build.runtime],
        registry=job.registry_of(spec, operator),
    )
    if jobs.seen(scene.observed, job.name_of(scene.owner, build.id, build.attempt)) is None:
        yield actions.Create(job.build_job(scene.owner, plan, wanted=spec, operator=operator))


# what is not needed any more


def last_change(memory: Memory) -> datetime | None:
    """When traffic last left a revision."""
    since = None if memory.stable is None else memory.stable.since
    ends = [h.finished_at for h in memory.history[:1] if h.finished_at] + ([since] if since else [])
    return max(ends, default=None)


def leaves_at(scene: Scene) -> datetime | None:
    """When revisions without traffic lose their pods; a pod that is told to go then still finishes its requests."""
    changed = last_change(scene.memory)
    return None if changed is None else changed + scene.at.wish.scale_down_delay


def _leftovers(scene: Scene) -> Iterator[Action]:
    memory = scene.memory
    current = {track.revision for track in (memory.stable, memory.canary) if track is not None}
    if memory.rollout is not None and memory.rollout.phase is Phase.REJECTED and memory.canary is not None:
        current.discard(memory.canary.revision)
    current |= {memory.stable.revision} if memory.stable is not None else set()
    yield from _revisions_out(scene, scene.observed.deployments, keep=current | _lingering(scene))
    serving = memory.stable.revision if memory.stable is not None else ""
    keep_scalers = {serving} if scene.desired.spec.scaling.autoscaled else set()
    yield from _revisions_out(scene, scene.observed.autoscalers, keep=keep_scalers)
    if scene.desired.spec.scaling.floor < 2:
        yield from map(actions.deletion_of, scene.observed.budgets)
    known = current | {h.revision for h in memory.history} | _wanted(memory)
    yield from _revisions_out(scene, scene.observed.copies, keep=known)
    yield from _revisions_out(scene, scene.observed.revisions, keep=known)


def _lingering(scene: Scene) -> set[str]:
    """Revisions that lost their users so lately that their pods are kept, in case they are wanted back."""
    when = leaves_at(scene)
    if when is None or scene.at.now >= when:
        return set()
    return {revision for revision, track in scene.at.tracks.items() if track.pods or track.wanted}


def _wanted(memory: Memory) -> set[str]:
    rollout = memory.rollout
    return set() if rollout is None or rollout.phase in moves.AT_REST else {rollout.revision}


def _revisions_out(scene: Scene, bodies: tuple[Body, ...], *, keep: set[str]) -> Iterator[Action]:
    for body in bodies:
        revision = facts.label(body, names.LABEL_REVISION)
        if (
            revision
            and revision not in keep
            and not body["metadata"].get("deletionTimestamp")
            and _ours(scene, body)
        ):
            yield actions.deletion_of(body)


def _ours(scene: Scene, body: Body) -> bool:
    owners = body["metadata"].get("ownerReferences") or ()
    return any(o.get("uid") == scene.desired.uid and o.get("controller") for o in owners)
