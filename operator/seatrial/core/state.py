"""What a rollout remembers from pass to pass: the part of `.status` that decisions are made from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeVar

from seatrial.api import base, phases
from seatrial.api import status as api

KEPT_REJECTIONS = 10
Value = TypeVar("Value", bound=base.StatusModel)


def changed(value: Value, **changes: Any) -> Value:
    """The value with `changes`, cut and rounded to what the API server stores."""
    return type(value).model_validate({**dict(value), **changes})


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutState:
    """The stored truth; everything else in `.status` is derived from it and from what is seen."""

    stable: api.TrackStatus | None = None
    canary: api.TrackStatus | None = None
    rollout: api.RolloutStatus | None = None
    build: api.BuildStatus | None = None
    rejected: tuple[api.Rejected, ...] = ()
    history: tuple[api.HistoryEntry, ...] = ()

    def rejection_of(self, revision: str) -> api.Rejected | None:
        """The memory of a revision's failure, if it has one."""
        return next((r for r in self.rejected if r.revision == revision), None)

    def build_of(self, build_id: str) -> api.BuildStatus | None:
        """The build with this id; None before it has begun, although another may be remembered."""
        return self.build if self.build is not None and self.build.id == build_id else None

    def promoted_before(self, revision: str) -> bool:
        """The revision has been stable once and history still knows it."""
        known = any(h.revision == revision and h.outcome is phases.Outcome.PROMOTED for h in self.history)
        return known and self.rejection_of(revision) is None

    def known_good(self, revision: str) -> bool:
        """The revision was promoted before, and not taken back since; a trial that did not end says nothing."""
        of_it = (h.outcome for h in self.history if h.revision == revision)
        last = next((outcome for outcome in of_it if outcome is not phases.Outcome.SUPERSEDED), None)
        return self.promoted_before(revision) and last is phases.Outcome.PROMOTED

    def rejecting(self, entry: api.Rejected) -> RolloutState:
        """The same with `entry` as the newest rejection, one a revision."""
        others = tuple(r for r in self.rejected if r.revision != entry.revision)
        return replace(self, rejected=(entry, *others)[:KEPT_REJECTIONS])

    def forgiving(self, revision: str) -> RolloutState:
        """The same without a rejection of `revision`."""
        return replace(self, rejected=tuple(r for r in self.rejected if r.revision != revision))

    def recording(self, entry: api.HistoryEntry, *, limit: int) -> RolloutState:
        """The same with `entry` as the newest, beside `limit` revisions to go back to and `limit` failures.

        Failures are counted apart: many of them must not push out what one can go back to.
        """
        entries = (entry, *self.history)
        served = [e for e in entries if e.outcome is phases.Outcome.PROMOTED][: limit + 1]
        failed = [e for e in entries if e.outcome is not phases.Outcome.PROMOTED][: max(limit, 1)]
        return replace(self, history=tuple(e for e in entries if e in served or e in failed))


def state_of(status: api.Status) -> RolloutState:
    """The memory that a stored status holds."""
    canary = status.canary
    return RolloutState(
        stable=None if status.stable is None else identity_of(status.stable),
        canary=None if canary is None else changed(identity_of(canary), failure=canary.failure),
        rollout=status.rollout,
        build=status.build,
        rejected=status.rejected,
        history=status.history,
    )


def identity_of(track: api.TrackStatus) -> api.TrackStatus:
    """Who a track is, without the counts that change from second to second."""
    return api.TrackStatus(
        revision=track.revision,
        image=track.image,
        model_digest=track.model_digest,
        format=track.format,
        build_id=track.build_id,
        since=track.since,
    )
