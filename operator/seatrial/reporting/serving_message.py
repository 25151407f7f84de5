"""Which revision serves: the part of a message that says whether requests are answered."""

from __future__ import annotations

from typing import Final

from seatrial.api.text import is_or_are, pluralize
from seatrial.core.decide import Decision
from seatrial.core.snapshot import Track
from seatrial.reporting.health import serving_revisions, wanted_pods
from seatrial.reporting.phrases import clause, joined

NO_REPLICAS: Final = "spec.scaling.replicas is 0"


def meanwhile(decision: Decision) -> str:
    """Return who serves now: the last clause of a message about a revision that does not."""
    stable, track = decision.state.stable, decision.stable_track
    if stable is None or track is None:
        return "nothing serves yet"
    if decision.stable_makes_room:
        return f"nothing serves until then: strategy Recreate stops {stable.revision} first"
    if not decision.split_is_applied:
        return traffic_clause(decision)
    if track.ready:
        return f"{stable.revision} serves"
    return _without_stable(decision, track)


def _without_stable(decision: Decision, stable: Track) -> str:
    serving = serving_revisions(decision)
    if serving:
        return joined(f"{serving[0]} serves, {stable.revision} has no ready pod", cause(stable))
    if wanted_pods(decision) == 0:
        return f"nothing serves: {NO_REPLICAS}"
    return joined(f"nothing serves: no pod of {stable.revision} is ready", cause(stable))


def not_shifted(stable: str) -> str:
    """Return that stable does not receive all traffic yet; the apply error before it says why."""
    return f"{stable} is stable, but traffic has not shifted yet"


def traffic_clause(decision: Decision) -> str:
    """Return where traffic goes while what was decided is not applied; the apply error before it says why."""
    split = decision.split_in_force
    if split is None:
        return "it is unknown which revision serves: the router's objects are missing or were edited by hand"
    nothing = "" if serving_revisions(decision) else " and has no ready pod: nothing serves"
    if split.weight in {0, 100}:
        return f"{split.canary if split.weight else split.stable} still receives all traffic{nothing}"
    if not serving_revisions(decision):
        return f"nothing serves: neither {split.canary} nor {split.stable} has a ready pod"
    return f"{split.canary} still receives {split.weight} % of traffic, {split.stable} the rest"


def ready_pods(track: Track, wanted: int) -> str:
    """Return `1 of 3 pods is ready`."""
    return f"{track.ready} of {pluralize(wanted, 'pod')} {is_or_are(track.ready, of=wanted)} ready"


def cause(track: Track) -> str:
    """Return why pods of a track are not ready; empty when nothing is known."""
    diagnosis = track.diagnosis
    if diagnosis is None:
        return ""
    pod = f" (pod {diagnosis.pod})" if diagnosis.pod else ""
    return f"{diagnosis.reason}: {clause(diagnosis.message)}{pod}"
