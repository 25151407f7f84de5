"""Whether a canary will receive much more traffic than a step asks for, because stable has so few pods."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.api.text import pluralize
from seatrial.core.decide import Decision
from seatrial.core.replicas import enough_replicas, far_exceeds
from seatrial.core.state import Rollout


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """The first step that gives the canary far more traffic than its weight."""

    step: int
    weight: int
    share: int

    def __str__(self) -> str:
        """Return it as a clause about the canary."""
        return f"step {self.step} gives it {self.share} % of traffic, not {self.weight} %"


def first_excess(decision: Decision, rollout: Rollout) -> Excess | None:
    """Return the first such step; None where there is none, and where the rollout waits for more pods instead."""
    plan, steps = decision.replica_plan, decision.target.steps
    if rollout.steps == 0 or decision.state.stable is None or any(plan.waits[:1]):
        return None
    numbered = enumerate(zip(steps, plan.shares, strict=False), 1)
    excesses = (
        Excess(step=number, weight=step.weight, share=share)
        for number, (step, share) in numbered
        if far_exceeds(share, step.weight)
    )
    return next(excesses, None)


def hint(decision: Decision, rollout: Rollout) -> str:
    """Return the excess as a clause about the canary; empty where there is none."""
    excess = first_excess(decision, rollout)
    return "" if excess is None else str(excess)


def warning(decision: Decision, rollout: Rollout) -> str:
    """Return the excess with its cause and what to do about it; empty where there is none."""
    excess = first_excess(decision, rollout)
    if excess is None:
        return ""
    enough = enough_replicas(decision.target.router, excess.weight)
    more = "" if enough is None else f"raise spec.scaling to {enough} replicas, or "
    pods = pluralize(decision.replica_plan.full, "pod")
    return f"{excess}, because stable has only {pods}; {more}set spec.traffic.replicas.whenTooFew to Hold to wait"
