"""What a Rollback may return to, and which of it a person means: a revision, the start of a digest, or `previous`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

from seatrial.api import names, phases
from seatrial.api.status_fields import format_time
from seatrial.api.text import truncate_middle
from seatrial.core.state import HistoryEntry, ModelRevision, Rejection, RevisionIdentity, RolloutState

MAX_LISTED: Final = 5
"""Entries in one message; `status.history` has all of them."""
LONGEST_SOURCE: Final = 80
DIGEST_SHOWN: Final = len("sha256:") + 12


class NoRollbackTarget(Exception):
    """Nothing, or more than one revision, is meant; the text says what there is and reaches the author."""


def rollback_targets(state: RolloutState, kept: Collection[str] | None = None) -> tuple[HistoryEntry, ...]:
    """Return the last promotion of each revision that a Rollback may return to, newest first.

    `kept`: the revisions whose ControllerRevisions exist; None where that is not known.
    """
    newest: dict[str, HistoryEntry] = {}
    for entry in state.history:
        if entry.outcome is phases.Outcome.PROMOTED and _is_free(entry.revision, state, kept):
            newest.setdefault(entry.revision, entry)
    return tuple(newest.values())


def _is_free(revision: str, state: RolloutState, kept: Collection[str] | None) -> bool:
    serves = state.stable is not None and state.stable.revision == revision
    return not serves and state.promoted_before(revision) and (kept is None or revision in kept)


def revision_meant(wanted: str, state: RolloutState, kept: Collection[str] | None = None) -> str:
    """Return the revision that `wanted` means; `NoRollbackTarget` when none or several are meant.

    It is not always one to return to: a digest of a rejected revision means that revision.
    """
    targets = rollback_targets(state, kept)
    if wanted == names.PREVIOUS:
        if not targets:
            raise NoRollbackTarget(
                "no revision that served before can be returned to; apply its spec instead"
            )
        return targets[0].revision
    if wanted in {entry.revision for entry in _known(state)}:
        return wanted
    meant = _with_digest(wanted, targets) or _with_digest(wanted, _known(state))
    if not meant:
        raise NoRollbackTarget(
            f"{wanted} was never promoted: no revision and no digest in status.history begins with it; "
            f"possible targets: {listed(targets)}"
        )
    if len(meant) > 1:
        raise NoRollbackTarget(
            f"{wanted} means {len(meant)} revisions; name one of them: {listed(meant.values())}"
        )
    return next(iter(meant))


Known = HistoryEntry | Rejection | ModelRevision


def _known(state: RolloutState) -> tuple[Known, ...]:
    """Return every revision that status knows; what serves first, so that its digest means itself."""
    stable = () if state.stable is None else (state.stable,)
    return (*stable, *state.history, *state.rejected)


def _with_digest(wanted: str, entries: Iterable[Known]) -> dict[str, Known]:
    """Return the newest entry of each revision whose model, or whose image, has a digest that begins so."""
    if re.fullmatch(names.DIGEST_PREFIX_PATTERN, wanted) is None:
        return {}
    prefix = wanted.removeprefix("sha256:")
    newest: dict[str, Known] = {}
    for entry in entries:
        if any(digest.startswith(prefix) for digest in _digests(entry)):
            newest.setdefault(entry.revision, entry)
    return newest


def _digests(entry: RevisionIdentity) -> tuple[str, ...]:
    """Return the hex digits of the digests of the model's files and of the image, as far as they are known."""
    texts = (entry.model_digest, entry.image.rpartition("@")[2])
    return tuple(text.removeprefix("sha256:") for text in texts if text.startswith("sha256:"))


def listed(entries: Iterable[Known]) -> str:
    """Return the entries with revision, time and source, in the order given."""
    texts = [_described(entry) for entry in entries]
    more = f", and {len(texts) - MAX_LISTED} more in status.history" if len(texts) > MAX_LISTED else ""
    return f"{', '.join(texts[:MAX_LISTED])}{more}" or "none"


def _described(entry: Known) -> str:
    at, event = _last_event(entry)
    when = "" if at is None else f"{event} {format_time(at)}"
    details = ", ".join(text for text in (when, _source(entry)) if text)
    return f"{entry.revision} ({details})" if details else entry.revision


def _source(entry: RevisionIdentity) -> str:
    """Return where the model came from: the address of its files, or else its image with the start of its digest."""
    name, at, digest = entry.image.rpartition("@")
    source = entry.source_uri or f"{name}{at}{digest[:DIGEST_SHOWN]}"
    return truncate_middle(source, LONGEST_SOURCE)


def _last_event(entry: Known) -> tuple[datetime | None, str]:
    match entry:
        case Rejection(at=at):
            return at, "rejected"
        case HistoryEntry(finished_at=at):
            return at, "promoted"
        case ModelRevision(since=at):
            return at, "stable since"
