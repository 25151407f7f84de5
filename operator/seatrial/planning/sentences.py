"""The sentence of `status.message`: true, complete, with absolute times, and with what to do where somebody must."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from seatrial.api import phases
from seatrial.api import status as api
from seatrial.core import retreat
from seatrial.core.moves import Phase
from seatrial.core.tracks import Track
from seatrial.core.wish import step_of
from seatrial.planning import due
from seatrial.planning.documents import Scene, has_users
from seatrial.planning.phases import has_its_pods, stable_is_sick, wanted_pods


def message(scene: Scene) -> str:
    """What is going on and what happens next, in one line."""
    if scene.observed.setback is not None:
        return f"{scene.observed.setback.message}; {_usual(scene)}"
    if scene.missing:
        gone = ", ".join(str(reference) for reference in scene.missing)
        return f"waits for {gone}, which the spec refers to; create it, or mark the reference optional"
    return _usual(scene)


def clock(moment: datetime | None) -> str:
    """A moment as a person reads it; always UTC."""
    return "" if moment is None else f"{moment:%H:%M:%S}Z"


def _usual(scene: Scene) -> str:
    rollout = scene.memory.rollout
    if rollout is not None and rollout.phase in _BY_PHASE:
        return _BY_PHASE[rollout.phase](scene, rollout)
    return _at_rest(scene)


def _at_rest(scene: Scene) -> str:
    stable, seen = scene.memory.stable, scene.at.stable(scene.memory)
    if stable is None or seen is None:
        return "accepted; nothing has been started yet"
    if stable_is_sick(scene):
        return f"{stable.revision} is stable, but {_pods(seen, wanted_pods(scene))}{_cause(seen)}"
    if not has_its_pods(scene):
        return f"{stable.revision} is stable; {_pods(seen, wanted_pods(scene))}"
    return f"{stable.revision} serves since {clock(stable.since)}"


def _pods(seen: Track, wanted: int) -> str:
    return f"{seen.ready} of {wanted} pods are ready"


def _cause(seen: Track) -> str:
    if seen.trouble is None:
        return ""
    return f"; {seen.trouble.reason} of pod {seen.trouble.pod}: {seen.trouble.message}"


def _meanwhile(scene: Scene) -> str:
    stable, seen = scene.memory.stable, scene.at.stable(scene.memory)
    if stable is None or seen is None:
        return "; nothing serves yet"
    return (
        f"; {stable.revision} serves" if seen.ready else f"; {stable.revision} is stable but has no ready pod"
    )


def _building(scene: Scene, rollout: api.RolloutStatus) -> str:
    build = scene.memory.build
    subject = f"{rollout.revision} is being built"
    if build is None or build.id != scene.at.wish.build_id:
        lacking = "; a Secret or ConfigMap that the build needs is not there, create it"
        return f"{rollout.revision} waits for its build{lacking}{_meanwhile(scene)}"
    if build.phase is phases.BuildPhase.FAILED:
        again = due.next_transition(scene)
        then = f"; tried again at {clock(again)}" if again else ""
        failed = f"the build of {rollout.revision} failed, attempt {build.attempt}"
        return f"{failed}: {build.reason}: {build.message}{then}{_meanwhile(scene)}"
    waiting = f"; {build.reason}: {build.message}" if build.reason else ""
    return f"{subject} since {clock(build.started_at)}, attempt {build.attempt}{waiting}{_meanwhile(scene)}"


def _starting(scene: Scene, rollout: api.RolloutStatus) -> str:
    seen = scene.at.canary(scene.memory)
    if (others := scene.at.strangers(scene.memory)) > 0:
        return (
            f"{rollout.revision} waits until {others} pod(s) of older revisions are gone{_meanwhile(scene)}"
        )
    if rollout.waiting_for is phases.WaitingFor.CAPACITY and scene.at.wish.steps:
        return f"{_too_few(scene)}{_meanwhile(scene)}"
    pods = f"{_pods(seen, _needed(scene, rollout))}{_cause(seen)}"
    return f"{rollout.revision} starts: {pods}{_deadline(scene, rollout)}{_meanwhile(scene)}"


def _too_few(scene: Scene) -> str:
    weight = scene.at.wish.steps[0].weight
    return (
        f"{weight} % is a smaller share than one canary pod beside {scene.at.counts.full} stable pod(s) gets; "
        "raise the replicas, or set spec.traffic.replicas.whenTooFew to Proceed"
    )


def _needed(scene: Scene, rollout: api.RolloutStatus) -> int:
    counts = scene.at.counts
    if rollout.phase is Phase.PROMOTING or rollout.steps == 0 or not counts.at_step:
        return counts.full
    return counts.at_step[max(min(rollout.step, len(counts.at_step)), 1) - 1]


def _deadline(scene: Scene, rollout: api.RolloutStatus) -> str:
    if rollout.progressed_at is None:
        return ""
    return f"; rejected at {clock(rollout.progressed_at + scene.at.wish.progress_deadline)} unless it gets on"


def _shifting(scene: Scene, rollout: api.RolloutStatus) -> str:
    seen = scene.at.canary(scene.memory)
    since = f"{clock(rollout.step_started_at)}{_really(scene, rollout)}"
    held = f"canary {rollout.revision} has {rollout.weight} % since {since}"
    step = step_of(scene.at.wish, rollout)
    needed = _needed(scene, rollout)
    if rollout.weight < step.weight:
        coming = f"{seen.ready} of the {needed} pods for {step.weight} % are ready"
        return f"{held}; {coming}{_cause(seen)}{_deadline(scene, rollout)}"
    then = f"{clock(due.next_transition(scene))}"
    last = rollout.step >= len(scene.at.wish.steps)
    upcoming = "promoted" if last else f"{scene.at.wish.steps[rollout.step].weight} %"
    if not then:
        return f"{held}; {upcoming} as soon as all its pods are ready: {_pods(seen, needed)}{_cause(seen)}"
    return f"{held}; {upcoming} at {then}"


def _really(scene: Scene, rollout: api.RolloutStatus) -> str:
    canary, stable = scene.at.canary(scene.memory), scene.at.stable(scene.memory)
    if stable is None or not has_users(scene.memory) or not canary.ready:
        return ""
    share = round(100 * canary.ready / (canary.ready + stable.ready))
    if share == rollout.weight:
        return ""
    return f" (really {share} %: {canary.ready} pod(s) beside {stable.ready})"


def _paused(scene: Scene, rollout: api.RolloutStatus) -> str:
    share = f" at {rollout.weight} %" if has_users(scene.memory) else ""
    how = "spec.paused is true; set it to false to go on"
    if rollout.paused_by is phases.PausedBy.DECISION:
        by = f" by {rollout.decided_by}" if rollout.decided_by else ""
        how = f"paused{by}; create a RolloutDecision with action Resume to go on"
    return f"{rollout.revision} is held{share} since {clock(rollout.paused_at)}: {how}{_meanwhile(scene)}"


def _promoting(scene: Scene, rollout: api.RolloutStatus) -> str:
    seen = scene.at.canary(scene.memory)
    pods = f"{_pods(seen, scene.at.counts.full)}{_cause(seen)}"
    return f"{rollout.revision} takes over: {pods}{_deadline(scene, rollout)}{_meanwhile(scene)}"


def _rolling_back(scene: Scene, rollout: api.RolloutStatus) -> str:
    why = f"{rollout.reason}: {rollout.message}"
    if rollout.weight and not retreat.stable_can_take_over(scene.memory, scene.at):
        kept = "but no pod of stable is ready; it keeps its users until one is"
        return f"{rollout.revision} should go back ({why}), {kept}"
    leaves = due.next_transition(scene)
    then = f"; its pods leave at {clock(leaves)}" if leaves else "; its pods are leaving"
    return f"{rollout.revision} goes back: {why}{then}{_meanwhile(scene)}"


def _rejected(scene: Scene, rollout: api.RolloutStatus) -> str:
    rejection = scene.memory.rejection_of(scene.at.wish.revision)
    if rejection is None:
        return f"{rollout.revision} was rejected{_meanwhile(scene)}"
    remedy = "apply a changed spec, or create a RolloutDecision with action Retry"
    why = f"{rejection.reason}: {rejection.message}"
    return f"{rejection.revision} was rejected at {clock(rejection.at)}: {why}; {remedy}{_meanwhile(scene)}"


_BY_PHASE: dict[Phase, Callable[[Scene, api.RolloutStatus], str]] = {
    Phase.BUILDING: _building,
    Phase.STARTING: _starting,
    Phase.SHIFTING: _shifting,
    Phase.PAUSED: _paused,
    Phase.PROMOTING: _promoting,
    Phase.ROLLING_BACK: _rolling_back,
    Phase.REJECTED: _rejected,
}
