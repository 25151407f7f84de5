"""What runs and scales each revision, and what protects its pods from drains."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.children import actions, context, diff
from seatrial.children.actions import Action
from seatrial.children.context import Scene
from seatrial.children.revisions import template_of
from seatrial.core import replicas
from seatrial.core.traffic import has_users
from seatrial.core.transitions import Phase
from seatrial.manifests import workload
from seatrial.observation import pod_diagnosis


def changes(scene: Scene) -> Iterator[Action]:
    """What makes every revision's Deployment as it should be, in this order: stable, canary."""
    stable, canary = scene.state.stable, scene.state.canary
    if stable is not None:
        pods = replicas.stable_pods(scene.state, scene.snapshot, scene.desired.spec.scaling)
        yield from _workload(scene, stable.revision, pods)
    if canary is None or (stable is not None and canary.revision == stable.revision):
        return
    pods = replicas.canary_pods(scene.state, scene.snapshot)
    if scene.snapshot.track(canary.revision).exists or (pods is not None and _starting(scene)):
        yield from _workload(scene, canary.revision, pods)


def _starting(scene: Scene) -> bool:
    """A Deployment that is not there may be made: a canary on its way up, also when somebody deleted it."""
    rollout = scene.state.rollout
    return rollout is not None and rollout.phase in {Phase.STARTING, Phase.SHIFTING, Phase.PROMOTING}


def _workload(scene: Scene, revision: str, pods: int | None) -> Iterator[Action]:
    template = template_of(scene, revision)
    if template is None:
        return
    wanted = workload.deployment(scene.owner, revision, template)
    seen = context.seen(scene, wanted)
    if seen is None:
        count = scene.desired.spec.scaling.floor if pods is None else pods
        yield actions.Create({**wanted, "spec": {**wanted["spec"], "replicas": count}})
        return
    action = diff.change(wanted, seen)
    if action is not None:
        yield action
    if pods is not None and pods != scene.snapshot.track(revision).wanted:
        yield actions.Scale(namespace=scene.owner.namespace, name=wanted["metadata"]["name"], replicas=pods)


def autoscalers(scene: Scene) -> Iterator[Action]:
    """Stable's autoscaler: held while a canary has users, and until it measures by itself."""
    scaling, stable = scene.desired.spec.scaling, scene.state.stable
    if not scaling.autoscaled or stable is None or replicas.making_room(scene.state, scene.snapshot):
        return
    seen = scene.snapshot.track(stable.revision)
    if seen.wanted == 0:
        return
    present = min(max(scaling.floor, seen.wanted), scaling.max_replicas or scaling.floor)
    held = has_users(scene.state)
    # once the autoscaler has metrics it keeps the count by itself
    measuring = pod_diagnosis.scaling_active(scene.observed, stable.revision).get("status") == "True"
    floor = present if held or not measuring else scaling.floor
    wanted = workload.autoscaler(
        scene.owner, stable.revision, wanted=scaling, floor=floor, may_shrink=not held
    )
    yield from context.compared(scene, iter((wanted,)))


def budget(scene: Scene) -> Iterator[Action]:
    """The one budget, where there is more than one pod to protect."""
    if scene.state.stable is None or scene.desired.spec.scaling.floor < 2:
        return
    wanted = workload.disruption_budget(scene.owner, scene.desired.spec.scaling.disruption_budget)
    yield from context.compared(scene, iter((wanted,)))
