"""Children: the Kubernetes objects that follow from a decision, and what is done about each. Pure."""

from __future__ import annotations

from seatrial.children import (
    build_job,
    decision_answers,
    promotion_marks,
    pruning,
    revisions,
    traffic,
    workloads,
)
from seatrial.children.actions import Action
from seatrial.core.decide import Decision


def actions_for(decision: Decision) -> tuple[Action, ...]:
    """Return what makes the children right, in the order in which it is safe to be interrupted.

    Traffic that goes back to stable waits for nothing, and a person who decided for nothing else. Otherwise what
    pods need comes before pods, autoscalers are held before traffic arrives, and traffic leaves before pods do.

    While the spec is invalid, what runs is kept and what fails is rolled back; nothing is scaled or created.
    """
    shifting = tuple(traffic.actions(decision))
    answers = decision_answers.actions(decision)
    going_back = decision.state.stable is not None and not decision.canary_receives_traffic
    if decision.target.invalid:
        return (*shifting, *answers, *workloads.deployments(decision), *pruning.workloads(decision))
    return (
        *(shifting if going_back else ()),
        *answers,
        *revisions.actions(decision),
        *workloads.autoscalers(decision),
        *(() if going_back else shifting),
        *workloads.deployments(decision),
        *workloads.budgets(decision),
        *build_job.actions(decision),
        *promotion_marks.actions(decision),
        *pruning.actions(decision),
    )
