"""Whether the canary's pods fail: abnormal exits, out of memory, terminal diagnoses, the progress deadline."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from seatrial.api import phases
from seatrial.api.reasons import Reason
from seatrial.api.text import pluralize
from seatrial.core.inputs import Inputs
from seatrial.core.rollback import roll_back, roll_back_failed
from seatrial.core.snapshot import AbnormalExit, Diagnosis, Track
from seatrial.core.state import Rollout, RolloutState
from seatrial.core.transitions import deadline_exceeded, record_progress, wait_for

RESTARTED_CONTAINER = frozenset({Reason.CRASH_LOOP, Reason.OUT_OF_MEMORY})
"""Diagnoses of a container that ended and is started again."""
REFUSALS_REPEATED_FOR = timedelta(minutes=1)
"""How long pods must be refused for what they contain until that is final: a policy may be corrected, too."""


def wait_for_replicas(
    state: RolloutState, rollout: Rollout, inputs: Inputs, *, needed: int
) -> RolloutState | None:
    """Return what happens while fewer than `needed` canary pods are available; None when they all are."""
    track = inputs.canary(state)
    if (diagnosis := terminal_diagnosis(rollout, track, inputs)) is not None:
        return roll_back_failed(state, inputs, diagnosis)
    if track.available >= needed:
        return None
    if inputs.blocked and track.wanted < needed:
        return replace(state, rollout=wait_for(rollout, phases.WaitingFor.READINESS))
    progressing = record_progress(rollout, track.available, inputs.now)
    if deadline_exceeded(progressing, inputs.target.progress_deadline, inputs.now):
        message = _deadline_message(track, needed)
        return roll_back(state, inputs, Reason.PROGRESS_DEADLINE_EXCEEDED, message)
    return replace(state, rollout=replace(progressing, waiting_for=phases.WaitingFor.READINESS))


def _deadline_message(track: Track, needed: int) -> str:
    diagnosis = track.diagnosis
    cause = "no pod reports a cause" if diagnosis is None else f"{diagnosis.reason}: {diagnosis.message}"
    return f"{track.available} of {pluralize(needed, 'pod')} available at the progress deadline; {cause}"


def exits_under_traffic(rollout: Rollout, track: Track) -> dict[str, int]:
    """Return the abnormal exits since the canary first received traffic, by pod; earlier ones do not count."""
    if rollout.users_since is None:
        return {}
    more = {pod: n - rollout.exits_before.get(pod, 0) for pod, n in track.exits_by_pod.items()}
    return {pod: n for pod, n in more.items() if n > 0}


def terminal_diagnosis(rollout: Rollout, track: Track, inputs: Inputs) -> Diagnosis | None:
    """Return the diagnosis that waiting does not resolve, unless it is only exits that `maxRestarts` allows."""
    diagnosis = track.diagnosis
    if diagnosis is None or not diagnosis.terminal or _may_be_admitted(rollout, track, inputs.now):
        diagnosis = _eviction(rollout, track)
    if diagnosis is None:
        return None
    allowed = 0 < sum(exits_under_traffic(rollout, track).values()) <= inputs.target.max_restarts
    return None if allowed and diagnosis.reason in RESTARTED_CONTAINER else diagnosis


def refusal_is_final_at(rollout: Rollout, track: Track) -> datetime | None:
    """Return from when on the refusal of the canary's pods counts; None where none is refused for its content.

    Not before the canary has waited for as long itself: the time of the refusal is from another clock.
    """
    diagnosis = track.diagnosis
    if diagnosis is None or diagnosis.reason is not Reason.POD_REJECTED:
        return None
    starts = [start for start in (diagnosis.since, rollout.progressed_at) if start is not None]
    return max(starts) + REFUSALS_REPEATED_FOR if starts else None


def _may_be_admitted(rollout: Rollout, track: Track, now: datetime) -> bool:
    final_at = refusal_is_final_at(rollout, track)
    return final_at is not None and now < final_at


def _eviction(rollout: Rollout, track: Track) -> Diagnosis | None:
    """Return the eviction of a pod of this rollout for its own use of disk, while none is available: the next
    pod would be evicted as well."""
    if track.available or rollout.started_at is None:
        return None
    evictions = [e for e in track.exits_since(rollout.started_at) if e.eviction]
    if not evictions:
        return None
    last = max(evictions, key=lambda e: e.at)
    return Diagnosis(
        reason=Reason.CRASH_LOOP,
        message=last.eviction,
        pod=last.pod,
        exit_code=last.code,
        restarts=last.restarts,
    )


def _newest_exits(track: Track, pod: str, count: int) -> list[AbnormalExit]:
    """Return the newest exits of a pod, at most `count`; of those before the last two only the number is known."""
    return sorted((e for e in track.exits if e.pod == pod), key=lambda e: e.at)[-count:]


def too_many_exits(rollout: Rollout, track: Track, inputs: Inputs) -> Diagnosis | None:
    """Return a diagnosis when more containers ended under traffic than `maxRestarts` allows."""
    counts = exits_under_traffic(rollout, track)
    count = sum(counts.values())
    if count <= inputs.target.max_restarts:
        return None
    exits = [e for pod in counts for e in _newest_exits(track, pod, counts[pod])]
    reason = Reason.OUT_OF_MEMORY if any(e.out_of_memory for e in exits) else Reason.CANARY_RESTARTED
    last = max(exits, key=lambda e: e.at)
    counted, allowed = pluralize(count, "abnormal exit"), inputs.target.max_restarts
    return Diagnosis(
        reason=reason,
        message=f"{counted} under traffic, {allowed} allowed; last: pod {last.pod}, {_cause(last)}",
        pod=last.pod,
        exit_code=last.code,
        restarts=count,
    )


def _cause(last: AbnormalExit) -> str:
    if last.out_of_memory:
        return "out of memory; raise spec.serving.resources.limits.memory"
    return last.eviction or f"exit code {last.code}; see kubectl logs --previous"
