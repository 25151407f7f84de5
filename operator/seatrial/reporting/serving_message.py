"""Who serves: the part of a message that says whether users are hurt."""

from __future__ import annotations

from seatrial.api.text import is_or_are, pluralize
from seatrial.core.decide import Decision
from seatrial.core.snapshot import Track
from seatrial.reporting.health import serving_revisions
from seatrial.reporting.phrases import clause


def meanwhile(decision: Decision) -> str:
    """Return who serves now, as the end of a message about a revision that does not."""
    stable, track = decision.state.stable, decision.stable_track
    if stable is None or track is None:
        return "; nothing serves yet"
    if decision.stable_makes_room:
        return f"; nothing serves until then: strategy Recreate stops {stable.revision} first"
    if not decision.split_is_applied:
        return f"; {routed(decision)}"
    if track.ready:
        return f"; {stable.revision} serves"
    serving = serving_revisions(decision)
    if serving:
        return f"; {serving[0]} serves, {stable.revision} has no ready pod{cause(track)}"
    return f"; nothing serves: no pod of {stable.revision} is ready{cause(track)}"


def not_shifted(decision: Decision, stable: str) -> str:
    """Return that stable does not receive all traffic yet, and who does; the apply error before it says why."""
    return f"{stable} is stable, but traffic has not shifted yet; {routed(decision)}"


def routed(decision: Decision) -> str:
    """Return where traffic goes while what was decided is not applied; the apply error before it says why."""
    split = decision.split_in_force
    if split is None:
        return "it is unknown which revision serves: the router's objects are missing or were edited by hand"
    nothing = "" if serving_revisions(decision) else " and has no ready pod: nothing serves"
    if split.weight in {0, 100}:
        return f"{split.canary if split.weight else split.stable} still receives all traffic{nothing}"
    nothing = "" if serving_revisions(decision) else "; neither has a ready pod: nothing serves"
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
