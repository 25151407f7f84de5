"""What a canary waits for while its pods start: other revisions, more replicas, its own pods, and until when."""

from __future__ import annotations

import itertools

from seatrial.api import names, phases
from seatrial.api.text import pluralize
from seatrial.core.canary_health import refusal_is_final_at
from seatrial.core.decide import Decision
from seatrial.core.state import Rollout
from seatrial.core.transitions import Phase
from seatrial.reporting import few_replicas
from seatrial.reporting.phrases import joined, utc
from seatrial.reporting.serving_message import cause, meanwhile, ready_pods


def starting(decision: Decision, rollout: Rollout) -> tuple[str, ...]:
    """Return the clauses about a canary that starts."""
    if (others := decision.snapshot.other_revision_pods(decision.state)) > 0:
        return _waiting_for_others(decision, rollout, others)
    if rollout.waiting_for is phases.WaitingFor.CAPACITY and decision.target.steps:
        waiting, remedy = _too_few_replicas(decision)
        return f"{rollout.revision}: {waiting}", meanwhile(decision), remedy
    pods = ready_pods(decision.canary_track, needed_pods(decision, rollout))
    text = joined(f"{rollout.revision}: starting, {pods}", cause(decision.canary_track))
    large = few_replicas.hint(decision, rollout)
    return text, large, meanwhile(decision), deadline(decision, rollout)


def needed_pods(decision: Decision, rollout: Rollout) -> int:
    """Return how many canary pods the present step needs."""
    plan = decision.replica_plan
    if rollout.phase is Phase.PROMOTING or rollout.steps == 0 or not plan.at_step:
        return plan.full
    return plan.at_step[max(min(rollout.step, len(plan.at_step)), 1) - 1]


def deadline(decision: Decision, rollout: Rollout) -> str:
    """Return when the canary is rejected unless its pods make progress; empty while no clock runs."""
    if rollout.progressed_at is None:
        return ""
    final_at = refusal_is_final_at(rollout, decision.canary_track)
    if final_at is not None and final_at > decision.now:
        return f"rejected at {utc(final_at, decision.now)} unless its pods are admitted"
    ends = utc(rollout.progressed_at + decision.target.progress_deadline, decision.now)
    return f"rejected at {ends} unless another pod becomes ready"


def _waiting_for_others(decision: Decision, rollout: Rollout, others: int) -> tuple[str, ...]:
    """Return that pods of neither revision have to stop first, and what to do about those that nobody stops."""
    leave_at = decision.idle_pods_leave_at
    known = leave_at is not None and leave_at > decision.now
    stop = f" at {utc(leave_at, decision.now)}" if known else ""
    released = decision.snapshot.released_pods(decision.state)
    if not released:
        pods = f"{pluralize(others, 'pod')} of other revisions"
        return f"{rollout.revision}: waiting for {pods} to stop{stop}", meanwhile(decision)
    more = f" and {pluralize(len(released) - 1, 'other')}" if len(released) > 1 else ""
    pods = f"pod {released[0]}{more}"
    return (
        f"{rollout.revision}: waiting for {pods} with edited labels to stop{stop}",
        f"delete it, or remove its label {names.LABEL_SERVER}",
        meanwhile(decision),
    )


def _too_few_replicas(decision: Decision) -> tuple[str, str]:
    """Return that stable is too small for the first weight, and what to do about it."""
    weight, router = decision.target.steps[0].weight, decision.target.router
    stable = decision.replica_plan.full
    counts = itertools.count(stable + 1)
    enough = next(count for count in counts if not router.waits_for_replicas(weight, stable=count))
    return (
        f"waiting, because one canary pod beside {pluralize(stable, 'stable pod')} would receive more than {weight} %",
        f"raise spec.scaling to {enough} replicas, or set spec.traffic.replicas.whenTooFew to Proceed",
    )
