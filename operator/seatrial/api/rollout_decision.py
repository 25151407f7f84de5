"""RolloutDecision: a person's decision about one rollout, and its outcome."""

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
    """The action that a decision asks for."""

    PROMOTE = "Promote"
    SKIP = "Skip"
    ABORT = "Abort"
    RETRY = "Retry"
    PAUSE = "Pause"
    RESUME = "Resume"
    ROLLBACK = "Rollback"


class DecisionPhase(phases.StatusEnum):
    """The outcome of a decision."""

    TAKEN = "Taken"
    REFUSED = "Refused"

    @property
    def reason(self) -> reasons.Reason:
        """The reason of the Event that announces the outcome."""
        return _REASONS[self]


_REASONS: Final = {
    DecisionPhase.TAKEN: reasons.Reason.DECISION_TAKEN,
    DecisionPhase.REFUSED: reasons.Reason.DECISION_REFUSED,
}


WITH_ATTEMPT: Final = (Action.PROMOTE, Action.ABORT, Action.RETRY)
"""The actions that refer to one attempt."""

Revision = Annotated[str, Field(pattern=names.REVISION_PATTERN, max_length=10)]
RollbackTarget = Annotated[str, Field(pattern=names.ROLLBACK_TARGET_PATTERN, max_length=71)]
Ordinal = Annotated[int, Field(strict=True, ge=1, le=100_000)]


class DecisionSpec(base.SpecModel):
    """The decision. It is immutable."""

    deployment: Annotated[str, Field(pattern=names.NAME_PATTERN, max_length=names.NAME_MAX_LENGTH)]
    """The name of a ModelDeployment in the same namespace."""

    revision: Revision
    """The revision that the decision refers to, ten hex digits; the decision is refused for any other revision."""

    action: Action
    """The action: Promote (to all traffic), Skip (the current step), Abort, Retry (a rejected revision), Pause, Resume
    or Rollback (to toRevision)."""

    step: Ordinal | None = None
    """The step that the decision refers to, counted from 1; required with Skip and only allowed there."""

    to_revision: RollbackTarget | None = None
    """What to roll back to: a revision of status.history, the first six or more digits of the digest of its model or
    image, with or without `sha256:`, or `previous`, what served before; required with Rollback and only allowed
    there."""

    attempt: Ordinal | None = None
    """The attempt that the decision refers to, counted from 1; required with Promote, Abort and Retry and only allowed
    there."""

    decided_by: Annotated[str, Field(min_length=1, max_length=253)]
    """The user who decides. Where the chart's admission policy is bound, the API server requires that it is the user
    who creates the object."""

    reason: Annotated[str, Field(max_length=512)] = ""
    """The reason for the decision, recorded in status.history."""

    @base.rule(
        "toRevision is required with Rollback and not allowed with other actions",
        cel="has(self.toRevision) == (self.action == 'Rollback')",
    )
    def has_target_only_with_rollback(self) -> bool:
        """Return whether exactly a rollback names its target."""
        return (self.to_revision is not None) == (self.action is Action.ROLLBACK)

    @base.rule(
        "toRevision must differ from revision",
        cel="!has(self.toRevision) || self.toRevision != self.revision",
    )
    def changes_revision(self) -> bool:
        """Return whether a rollback changes the revision."""
        return self.to_revision != self.revision

    @base.rule(
        "step is required with Skip and not allowed with other actions",
        cel="has(self.step) == (self.action == 'Skip')",
    )
    def has_step_only_with_skip(self) -> bool:
        """Return whether exactly a skip names its step, so that it cannot apply to a later step."""
        return (self.step is not None) == (self.action is Action.SKIP)

    @base.rule(
        "attempt is required with Promote, Abort and Retry and not allowed with other actions",
        cel="has(self.attempt) == (self.action in ['Promote', 'Abort', 'Retry'])",
    )
    def has_attempt_only_where_required(self) -> bool:
        """Return whether exactly these actions name an attempt, so that they cannot apply to a later attempt."""
        return (self.attempt is not None) == (self.action in WITH_ATTEMPT)


class DecisionStatus(base.StatusModel):
    """The outcome of the decision; absent until the operator has processed it."""

    phase: DecisionPhase | None = None
    """The outcome: Taken or Refused."""

    message: status_fields.Sentence = ""
    """The reason for the outcome in a sentence."""

    at: status_fields.Time | None = None
    """When the decision was taken or refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutDecision:
    """One RolloutDecision, parsed."""

    key: Key
    uid: str
    created_at: datetime | None
    deleting: bool
    spec: DecisionSpec


def parse(body: Mapping[str, Any]) -> RolloutDecision:
    """Return the decision in `body`. Raise `InvalidSpec` with a message for the author when its spec is invalid."""
    meta = metadata.parse(body)
    return RolloutDecision(
        key=meta.key,
        uid=meta.uid,
        created_at=meta.created_at,
        deleting=meta.deleting,
        spec=validation.validate(DecisionSpec, body.get("spec")),
    )
