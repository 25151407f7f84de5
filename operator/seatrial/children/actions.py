"""Everything the shell may be told to do: a closed union, and each is safe to repeat."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from seatrial.api import rollout_decision
from seatrial.api.objects import Body


@dataclass(frozen=True, slots=True)
class Create:
    """The child is there: made now, or found to be ours. Repeating finds it."""

    body: Body


@dataclass(frozen=True, slots=True)
class Apply:
    """The child has these fields; `body` carries uid and resourceVersion of the child that was seen."""

    body: Body


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The Deployment wants this many pods. Repeating asks for the same number."""

    namespace: str
    name: str
    replicas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """The child of this uid is gone or going. Repeating finds nothing."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerDecision:
    """The RolloutDecision carries its answer. Repeating writes the same one."""

    namespace: str
    name: str
    uid: str
    phase: rollout_decision.DecisionPhase
    message: str
    at: datetime


Action = Create | Apply | Scale | Delete | AnswerDecision


def delete_action(body: Body) -> Delete:
    """The action that takes away exactly this object."""
    head = body["metadata"]
    return Delete(
        api_version=body["apiVersion"],
        kind=body["kind"],
        namespace=head["namespace"],
        name=head["name"],
        uid=head.get("uid", ""),
    )
