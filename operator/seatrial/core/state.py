"""The state of a rollout: what is stored in `.status` between two passes, as plain values.

`seatrial.core.status_codec` translates it from and to the status model; that is the only place where text is truncated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from seatrial.api.phases import BuildPhase, Outcome, PausedBy, RolloutPhase, Verdict, WaitingFor

MAX_REJECTIONS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What is wrong with a revision's pods."""

    reason: str
    message: str = ""
    pod: str = ""
    exit_code: int | None = None
    restarts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionIdentity:
    """A revision, the model it runs, and where that came from; of an image that the user named no more is known."""

    revision: str
    image: str = ""
    model_digest: str = ""
    source_uri: str = ""
    """The address of the files, without its secrets."""
    source_version: str = ""
    """What the address resolved to, as `etag 9f3c`; empty where the source has no versions."""
    built_at: datetime | None = None
    """None where the registry had the image already."""


def identity_fields(value: RevisionIdentity) -> dict[str, Any]:
    """Return which revision and model `value` is about, as the fields of `RevisionIdentity`."""
    return {field.name: getattr(value, field.name) for field in fields(RevisionIdentity)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRevision(RevisionIdentity):
    """One revision and the model it runs; `build_id` is empty for an image that the user named."""

    format: str = ""
    build_id: str = ""
    since: datetime | None = None
    """When it became stable, or the canary."""
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What a check said at the last look; the fields are those of `status.rollout.checks`."""

    name: str
    verdict: Verdict
    value: float | None = None
    """The canary's rate of bad requests."""
    threshold: float | None = None
    stable_value: float | None = None
    lower: float | None = None
    upper: float | None = None
    """What the requests do not rule out."""
    samples: int = 0
    requests_needed: int | None = None
    """About how many more good requests would let the check pass; None where that is not known, or not needed."""
    dry_run: bool = False
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """The rollout of one revision; the fields are those of `status.rollout`."""

    revision: str
    phase: RolloutPhase
    step: int = 0
    """1-based; 0 before the first step."""
    steps: int = 0
    step_started_at: datetime | None = None
    """When the step's weight was reached; its hold counts from here."""
    paused_seconds: int | None = None
    started_at: datetime | None = None
    attempt: int = 1
    weight: int = 0
    """The canary's share of traffic that is decided now, in percent."""
    users_since: datetime | None = None
    """When the canary first received traffic."""
    exits_before: Mapping[str, int] = field(default_factory=dict)
    """Abnormal exits before the canary received traffic, by pod: what nodes and operator think of the time does not
    matter."""
    waiting_for: WaitingFor | None = None
    paused_at: datetime | None = None
    paused_by: PausedBy | None = None
    progressed_at: datetime | None = None
    """The progress deadline counts from here; None while its clock is off."""
    high_water: int = 0
    """The most available canary pods so far: a pod that crashes and returns is no progress."""
    fast_track: bool = False
    reason: str = ""
    message: str = ""
    decided_by: str = ""
    checks: tuple[CheckResult, ...] = ()
    evidence: str = ""
    """What the statistics remember of the present step; see `seatrial.core.evidence.memory_text`."""
    decisions: tuple[str, ...] = ()
    """The uids of the RolloutDecisions accepted in this rollout, newest last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """The build of one image; the fields are those of `status.build`."""

    id: str
    phase: BuildPhase
    job: str = ""
    attempt: int = 1
    lost: int | None = None
    """Attempts in a row that ended without a report."""
    image: str = ""
    model_digest: str = ""
    format: str = ""
    runtime: str = ""
    inputs: str = ""
    """Changes with every Secret and ConfigMap of the build: a failed build is then retried at once."""
    source: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    message: str = ""
    log_tail: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection(RevisionIdentity):
    """A revision that is not tried again until a person asks for it."""

    reason: str = ""
    message: str = ""
    at: datetime | None = None
    attempt: int = 1
    decided_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry(RevisionIdentity):
    """A rollout that ended."""

    outcome: Outcome
    reason: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    decided_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutState:
    """The stored truth about one ModelDeployment; everything else in `.status` is derived from it and a snapshot."""

    stable: ModelRevision | None = None
    canary: ModelRevision | None = None
    rollout: Rollout | None = None
    build: Build | None = None
    rejected: tuple[Rejection, ...] = ()
    """Newest first."""
    history: tuple[HistoryEntry, ...] = ()
    """Newest first."""

    def rejection_of(self, revision: str) -> Rejection | None:
        """Return the rejection of `revision`, if it was rejected."""
        return next((r for r in self.rejected if r.revision == revision), None)

    def build_of(self, build_id: str) -> Build | None:
        """Return the build with this id; None before it has begun, although another may be stored."""
        return self.build if self.build is not None and self.build.id == build_id else None

    def promoted_before(self, revision: str) -> bool:
        """Return whether history knows `revision` as promoted and it was not rejected since."""
        known = any(h.revision == revision and h.outcome is Outcome.PROMOTED for h in self.history)
        return known and self.rejection_of(revision) is None

    def known_good(self, revision: str) -> bool:
        """Return whether the last rollout of `revision` that ended in a verdict was promoted."""
        outcomes = (h.outcome for h in self.history if h.revision == revision)
        last = next((outcome for outcome in outcomes if outcome is not Outcome.SUPERSEDED), None)
        return self.promoted_before(revision) and last is Outcome.PROMOTED

    def with_rejection(self, rejection: Rejection) -> RolloutState:
        """Return the state with `rejection` as the newest, one a revision."""
        others = tuple(r for r in self.rejected if r.revision != rejection.revision)
        return replace(self, rejected=(rejection, *others)[:MAX_REJECTIONS])

    def without_rejection(self, revision: str) -> RolloutState:
        """Return the state without a rejection of `revision`."""
        return replace(self, rejected=tuple(r for r in self.rejected if r.revision != revision))

    def with_history(self, entry: HistoryEntry, *, limit: int) -> RolloutState:
        """Return the state with `entry` as the newest, beside `limit` rollback targets and `limit` failures.

        Failures are counted apart: many of them must not displace the revisions one can roll back to.
        """
        entries = (entry, *self.history)
        promoted = [e for e in entries if e.outcome is Outcome.PROMOTED][: limit + 1]
        failed = [e for e in entries if e.outcome is not Outcome.PROMOTED][: max(limit, 1)]
        return replace(self, history=tuple(e for e in entries if e in promoted or e in failed))
