"""RolloutDecision: what a person decided about one rollout, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import Field

from seatrial.api import base, metadata, names, phases, reasons, status_fields, validation
from seatrial.api.metadata import Key


class Action(StrEnum):
    """What is to be done."""

    PROMOTE = "Promote"
    SKIP = "Skip"
    ABORT = "Abort"
    RETRY = "Retry"
    PAUSE = "Pause"
    RESUME = "Resume"
    ROLLBACK = "Rollback"


class DecisionPhase(phases.StatusEnum):
    """What became of a decision."""

    TAKEN = "Taken"
    REFUSED = "Refused"

    @property
    def reason(self) -> reasons.Reason:
        """The word for it in Events."""
        return _REASONS[self]


_REASONS: Final = {
    DecisionPhase.TAKEN: reasons.Reason.DECISION_TAKEN,
    DecisionPhase.REFUSED: reasons.Reason.DECISION_REFUSED,
}


WITH_ATTEMPT: Final = (Action.PROMOTE, Action.ABORT, Action.RETRY)
"""The actions that speak of one attempt."""

Revision = Annotated[str, Field(pattern=names.REVISION_PATTERN, max_length=10)]
Ordinal = Annotated[int, Field(strict=True, ge=1, le=100_000)]


class DecisionSpec(base.SpecModel):
    """What was decided; it cannot be changed afterwards."""

    deployment: Annotated[str, Field(pattern=names.NAME_PATTERN, max_length=names.NAME_MAX_LENGTH)]
    """The name of the ModelDeployment, in the same namespace."""

    revision: Revision
    """The revision it speaks of, ten hex digits; for any other it is refused."""

    action: Action
    """Promote (all the way), Skip (the present step), Abort, Retry (a rejected revision), Pause, Resume,
    Rollback (to toRevision)."""

    step: Ordinal | None = None
    """The step it speaks of, counted from 1; with Skip and only there."""

    to_revision: Revision | None = None
    """The revision of status.history to go back to; with Rollback and only there."""

    attempt: Ordinal | None = None
    """The attempt it speaks of, counted from 1; with Promote, Abort and Retry and only there."""

    decided_by: Annotated[str, Field(min_length=1, max_length=253)]
    """The user who decides; where the policy is bound, the API server refuses all but the requester's."""

    reason: Annotated[str, Field(max_length=512)] = ""
    """Why, for the history."""

    @base.rule(
        "toRevision is required with Rollback and belongs nowhere else",
        cel="has(self.toRevision) == (self.action == 'Rollback')",
    )
    def target_with_rollback(self) -> bool:
        """A rollback says where to."""
        return (self.to_revision is not None) == (self.action is Action.ROLLBACK)

    @base.rule(
        "toRevision must be another revision than revision",
        cel="!has(self.toRevision) || self.toRevision != self.revision",
    )
    def target_is_another(self) -> bool:
        """A rollback goes somewhere."""
        return self.to_revision != self.revision

    @base.rule(
        "step is required with Skip and belongs nowhere else",
        cel="has(self.step) == (self.action == 'Skip')",
    )
    def step_with_skip(self) -> bool:
        """A skip cannot leak to the next step."""
        return (self.step is not None) == (self.action is Action.SKIP)

    @base.rule(
        "attempt is required with Promote, Abort and Retry and belongs nowhere else",
        cel="has(self.attempt) == (self.action in ['Promote', 'Abort', 'Retry'])",
    )
    def attempt_where_it_matters(self) -> bool:
        """A decision cannot leak to the next attempt."""
        return (self.attempt is not None) == (self.action in WITH_ATTEMPT)


class DecisionStatus(base.StatusModel):
    """What became of it; absent until the operator has seen it."""

    phase: DecisionPhase | None = None
    """Taken or Refused."""

    message: status_fields.Sentence = ""
    """Why, in a sentence."""

    at: status_fields.Time | None = None
    """When."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutDecision:
    """One object, parsed."""

    key: Key
    uid: str
    created_at: datetime | None
    deleting: bool
    spec: DecisionSpec


def parse(body: Mapping[str, Any]) -> RolloutDecision:
    """The decision in `body`; `InvalidSpec` with a sentence when its spec is refused."""
    meta = metadata.parse(body)
    return RolloutDecision(
        key=meta.key,
        uid=meta.uid,
        created_at=meta.created_at,
        deleting=meta.deleting,
        spec=validation.validated(DecisionSpec, body.get("spec")),
    )
