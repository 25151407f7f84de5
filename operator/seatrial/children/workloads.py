"""What runs and scales each revision, and what protects its pods from drains."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.api import kinds
from seatrial.api.objects import Body, version_of
from seatrial.api.status_fields import format_time
from seatrial.children import comparison, diff
from seatrial.children.actions import Action, Create, Scale
from seatrial.children.revisions import template_of
from seatrial.core import pod_retries
from seatrial.core.decide import Decision
from seatrial.core.replicas import canary_replicas, stable_replicas
from seatrial.core.transitions import TABLE
from seatrial.manifests import workload


def deployments(decision: Decision) -> Iterator[tuple[str, Iterator[Action]]]:
    """Yield each revision with what makes its Deployment as it should be, in this order: stable, canary."""
    stable, canary = decision.state.stable, decision.state.canary
    if stable is not None:
        replicas = stable_replicas(decision.state, decision.inputs)
        yield stable.revision, _deployment(decision, stable.revision, replicas)
    if canary is None or (stable is not None and canary.revision == stable.revision):
        return
    replicas = canary_replicas(decision.state, decision.inputs)
    if _is_leaving(decision):
        yield canary.revision, _scale(decision, canary.revision, replicas)
    elif decision.snapshot.track(canary.revision).exists or (
        replicas is not None and _may_create_canary(decision)
    ):
        yield canary.revision, _deployment(decision, canary.revision, replicas)


def _is_leaving(decision: Decision) -> bool:
    """Return whether the canary loses its pods: its Deployment is not repaired first, which may be impossible."""
    rollout = decision.state.rollout
    return rollout is None or (TABLE[rollout.phase].is_leaving and not decision.canary_receives_traffic)


def _may_create_canary(decision: Decision) -> bool:
    """Return whether a canary's Deployment that does not exist is created, also when a person deleted it."""
    rollout = decision.state.rollout
    return rollout is not None and TABLE[rollout.phase].may_create_canary


def _deployment(decision: Decision, revision: str, replicas: int | None) -> Iterator[Action]:
    template, owner = template_of(decision, revision), decision.target.owner
    scaling = tuple(_scale(decision, revision, replicas))
    if template is None or scaling:
        yield from scaling  # a repair waits for the next pass: a write is only valid for the version observed
        return
    rendered = workload.deployment(owner, revision, template)
    present = comparison.find_observed(decision.snapshot, rendered)
    if present is None:
        count = decision.target.scaling.floor if replicas is None else replicas
        yield Create({**rendered, "spec": {**rendered["spec"], "replicas": count}})
        return
    action = diff.change(rendered, present) or _retry_of_refused_pods(decision, revision, rendered, present)
    if action is not None:
        yield action


def _retry_of_refused_pods(decision: Decision, revision: str, rendered: Body, present: Body) -> Action | None:
    """Return what makes the cluster ask again for pods that were refused, where that is due."""
    due = pod_retries.last_retry_at(decision.snapshot.track(revision), decision.now)
    return None if due is None else diff.note_action(rendered, present, workload.RETRIED_AT, format_time(due))


def _scale(decision: Decision, revision: str, replicas: int | None) -> Iterator[Action]:
    """Yield what gives an existing Deployment its replicas, whether or not its template is known."""
    owner, track = decision.target.owner, decision.snapshot.track(revision)
    name = owner.child(revision)
    present = comparison.find_observed(
        decision.snapshot, {"kind": kinds.DEPLOYMENT.kind, "metadata": {"name": name}}
    )
    if present is not None and replicas is not None and replicas != track.wanted:
        version = version_of(present)
        yield Scale(namespace=owner.namespace, name=name, replicas=replicas, resource_version=version)


def autoscalers(decision: Decision) -> Iterator[Action]:
    """Yield stable's autoscaler: held while a canary receives traffic, and until it measures by itself."""
    scaling, stable = decision.target.scaling, decision.state.stable
    if not scaling.autoscaled or stable is None or decision.stable_makes_room:
        return
    wanted = decision.snapshot.track(stable.revision).wanted
    if wanted == 0:
        return
    present = min(max(scaling.floor, wanted), scaling.max_replicas or scaling.floor)
    held = decision.canary_receives_traffic
    reported = decision.snapshot.autoscalers.get(stable.revision)
    measures = reported is not None and reported.active  # then it keeps the count by itself
    rendered = workload.autoscaler(
        decision.target.owner,
        stable.revision,
        scaling=scaling,
        floor=present if held or not measures else scaling.floor,
        may_shrink=not held,
    )
    yield from comparison.changes(decision.snapshot, (rendered,))


def budgets(decision: Decision) -> Iterator[Action]:
    """Yield the PodDisruptionBudget of each revision in service, where there is more than one pod to protect."""
    scaling, canary = decision.target.scaling, decision.state.canary
    if scaling.floor < 2:
        return
    revisions = [decision.state.stable, canary if decision.canary_receives_traffic else None]
    names = dict.fromkeys(entry.revision for entry in revisions if entry is not None)
    rendered = tuple(
        workload.disruption_budget(decision.target.owner, name, budget=scaling.disruption_budget)
        for name in names
    )
    yield from comparison.changes(decision.snapshot, rendered)
