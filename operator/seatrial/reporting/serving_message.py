"""Who serves: the part of a message that says whether users are hurt."""

from __future__ import annotations

from collections.abc import Iterable

from seatrial.api.text import is_or_are, pluralize
from seatrial.core.decide import Decision
from seatrial.core.references import Reference
from seatrial.core.snapshot import Track
from seatrial.reporting.health import serving_revisions
from seatrial.reporting.phrases import clause


def meanwhile(decision: Decision) -> str:
    """Return who serves now, as the end of a message about a revision that does not."""
    stable, track = decision.state.stable, decision.stable_track
    if stable is None or track is None:
        return "; nothing serves yet"
    if decision.stable_makes_room:
        return f"; {stable.revision} is stopped to make room (strategy Recreate): nothing serves until then"
    if not decision.split_is_applied:
        return f"; {routed(decision)}"
    if track.ready:
        return f"; {stable.revision} serves"
    return f"; {stable.revision} is stable but has no ready pod{cause(track)}"


def routed(decision: Decision) -> str:
    """Return where traffic goes while what was decided is not applied; the apply error before it says why."""
    split = decision.split_in_force
    if split is None:
        return "where traffic goes is unknown: the router's objects are missing, or were edited by hand"
    nothing = "" if serving_revisions(decision) else ": nothing serves"
    if split.weight in {0, 100}:
        return f"{split.canary if split.weight else split.stable} still receives all traffic{nothing}"
    return f"{split.canary} still receives {split.weight} % of traffic, {split.stable} the rest{nothing}"


def ready_pods(track: Track, wanted: int) -> str:
    """Return `1 of 3 pods is ready`."""
    return f"{track.ready} of {pluralize(wanted, 'pod')} {is_or_are(track.ready, of=wanted)} ready"


def cause(track: Track) -> str:
    """Return why pods of a track are not ready, as the end of a message; empty when nothing is known."""
    diagnosis = track.diagnosis
    if diagnosis is None:
        return ""
    pod = f" in pod {diagnosis.pod}" if diagnosis.pod else ""
    return f"; {diagnosis.reason}{pod}: {clause(diagnosis.message)}"


def listed(references: Iterable[Reference]) -> str:
    """Return references as a list for a message."""
    return ", ".join(str(reference) for reference in references)
