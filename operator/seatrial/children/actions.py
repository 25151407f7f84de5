"""Everything the shell may be asked to do: a closed union; every action is safe to repeat."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from seatrial.api import rollout_decision
from seatrial.api.objects import Body


@dataclass(frozen=True, slots=True)
class Create:
    """Create the child unless it exists and is ours."""

    body: Body


@dataclass(frozen=True, slots=True)
class Apply:
    """Apply these fields; `body` carries uid and resourceVersion of the child that was observed."""

    body: Body


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Set the replicas of the Deployment that was observed; `resource_version` is the one that it had.

    A write that arrives late, after this process was stopped, changes nothing that was decided since.
    """

    namespace: str
    name: str
    replicas: int
    resource_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Delete the child with this uid and version unless it is gone or going."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str
    resource_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerDecision:
    """Write what became of a RolloutDecision into its status."""

    namespace: str
    name: str
    uid: str
    phase: rollout_decision.DecisionPhase
    message: str
    at: datetime


Action = Create | Apply | Scale | Delete | AnswerDecision


def summary(action: Action) -> str:
    """Return the action in a few words, as `delete Service churn-canary`: for the log."""
    match action:
        case Create(body):
            return f"create {body['kind']} {body['metadata']['name']}"
        case Apply(body):
            return f"apply {body['kind']} {body['metadata']['name']}"
        case Scale(name=name, replicas=replicas):
            return f"scale Deployment {name} to {replicas}"
        case Delete(kind=kind, name=name):
            return f"delete {kind} {name}"
        case AnswerDecision(name=name, phase=phase):
            return f"answer RolloutDecision {name}: {phase}"
        case _:
            assert_never(action)


def delete_action(body: Body) -> Delete:
    """Return the action that deletes exactly this object."""
    head = body["metadata"]
    return Delete(
        api_version=body["apiVersion"],
        kind=body["kind"],
        namespace=head["namespace"],
        name=head["name"],
        uid=head.get("uid", ""),
        resource_version=head.get("resourceVersion", ""),
    )
