"""Children: the Kubernetes objects that follow from a decision, and what is done about each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from seatrial.children import (
    build_job,
    decision_answers,
    promotion_marks,
    pruning,
    revisions,
    traffic,
    workloads,
)
from seatrial.children.actions import Action, Create, Scale
from seatrial.children.chains import Chain, each
from seatrial.core.decide import Decision
from seatrial.core.snapshot import Harm

TRAFFIC: Final = "traffic"
AUTOSCALER: Final = "autoscaler"
ADOPTION: Final = "adoption"
IDLE: Final = "idle"
MARK: Final = "mark"


def chains_for(decision: Decision) -> tuple[Chain, ...]:
    """Return what makes the children right, in the order in which it is safe to be interrupted.

    Traffic that goes back to stable waits for nothing, and a person who decided for nothing else. Otherwise
    autoscalers are held before traffic arrives, pods find the configuration that they read, and traffic leaves before
    pods do. Everything else is independent: what cannot be written stops nothing but what needs it.

    While the spec is invalid, what runs is kept and what fails is rolled back; nothing is scaled or created.
    """
    going_back = decision.state.stable is not None and not decision.canary_receives_traffic
    shifting = _traffic(decision, going_back=going_back)
    if decision.target.invalid:
        return (*shifting, *_answers(decision), *_deployments(decision), *_idle(decision))
    return (
        *(shifting if going_back else ()),
        *_answers(decision),
        *each(ADOPTION, revisions.adoptions(decision)),
        *_target(decision),
        *each(AUTOSCALER, workloads.autoscalers(decision)),
        *(() if going_back else shifting),
        *_deployments(decision),
        *each("budget", workloads.budgets(decision)),
        *each("build", build_job.actions(decision)),
        *each(MARK, promotion_marks.actions(decision), after=(ADOPTION,)),
        *_idle(decision),
        *each("leftovers", pruning.leftovers(decision), needs=(TRAFFIC, IDLE), after=(ADOPTION, MARK)),
    )


def _traffic(decision: Decision, *, going_back: bool) -> tuple[Chain, ...]:
    """Return the one chain of the router's objects: a route may refer to what is created before it."""
    actions = tuple(traffic.actions(decision))
    needs = frozenset() if going_back else frozenset({AUTOSCALER})
    return (Chain(name=TRAFFIC, actions=actions, needs=needs, harm=Harm.TRAFFIC),) if actions else ()


def _answers(decision: Decision) -> Iterator[Chain]:
    for answer in decision_answers.actions(decision):
        yield Chain(name="answer", actions=(answer,), harm=Harm.NONE)


def _target(decision: Decision) -> Iterator[Chain]:
    """Yield the copies and the record of the target's revision.

    The record goes out beside the pods: no revision receives traffic without one (`Inputs.is_recorded`).
    """
    yield from each(_copies_of(decision.target.revision), revisions.copies(decision))
    yield from each("record", revisions.record(decision))


def _copies_of(revision: str) -> str:
    return f"copies of {revision}"


def _deployments(decision: Decision) -> Iterator[Chain]:
    for revision, actions in workloads.deployments(decision):
        yield from _deployment(revision, actions)


def _deployment(revision: str, actions: Iterable[Action]) -> Iterator[Chain]:
    """Yield the chains of one Deployment: pods read the copies; a repair that fails does not keep it from scaling."""
    name = f"deployment of {revision}"
    for action in actions:
        is_new, is_scaled = isinstance(action, Create), isinstance(action, Scale)
        yield Chain(
            name=f"replicas of {revision}" if is_scaled else name,
            actions=(action,),
            needs=frozenset({_copies_of(revision)}) if is_new else frozenset(),
            after=frozenset({name}) if is_scaled else frozenset(),
            harm=Harm.PODS,
        )


def _idle(decision: Decision) -> Iterator[Chain]:
    yield from each(IDLE, pruning.workloads(decision), needs=(TRAFFIC,))
