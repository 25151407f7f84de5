"""The sentence of `status.message`: true, complete, with absolute times, and with what to do where somebody must."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from seatrial.api import durations, phases
from seatrial.api import status as api
from seatrial.api.text import is_or_are, pluralize
from seatrial.children import Scene, is_written, leaves_at, split_in_force
from seatrial.core import replicas, rollback
from seatrial.core.references import Reference
from seatrial.core.snapshot import Track
from seatrial.core.target import step_of
from seatrial.core.traffic import Ready, has_users, split_of
from seatrial.core.transitions import Phase
from seatrial.observation.target import missing_for_build
from seatrial.reporting import autoscaler, schedule
from seatrial.reporting.health import answering, has_its_pods, stable_is_sick, wanted_pods

AFTER_A_REJECTION = "apply a changed spec, or create a RolloutDecision with action Retry"


def message(scene: Scene) -> str:
    """What is going on and what happens next, in one line."""
    apply_error = scene.observed.apply_error
    said = [] if apply_error is None else [clause(apply_error.message)]
    return "; ".join([*said, *([waited_for(scene)] if scene.missing else []), _usual(scene)])


def waited_for(scene: Scene) -> str:
    """What has to be created before anything goes on, and by whom it is named; empty where nothing has."""
    if scene.missing:
        remedy = "create it, or mark the reference optional"
        return f"waits for {_named(scene.missing)}, which the spec refers to; {remedy}"
    rollout, begun = scene.state.rollout, scene.state.build_of(scene.snapshot.wish.build_id)
    if rollout is None or rollout.phase is not Phase.BUILDING or begun is not None:
        return ""
    lacking = missing_for_build(scene.desired, scene.observed, scene.parts)
    return f"{rollout.revision} waits for its build{_needs(lacking)}" if lacking else ""


def clock(moment: datetime | None, now: datetime | None = None) -> str:
    """A moment as a person reads it, in UTC; without its date only where it is of the day of `now`."""
    if moment is None:
        return ""
    today = now is not None and moment.date() == now.date()
    return f"{moment:%H:%M:%SZ}" if today else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def clause(sentence: str) -> str:
    """A sentence of somebody else's as a part of ours."""
    return sentence.rstrip(". ")


def _named(gone: Iterable[Reference]) -> str:
    return ", ".join(str(reference) for reference in gone)


def _usual(scene: Scene) -> str:
    rollout = scene.state.rollout
    if rollout is not None and rollout.phase in _BY_PHASE:
        return _BY_PHASE[rollout.phase](scene, rollout)
    return _at_rest(scene)


def _at_rest(scene: Scene) -> str:
    stable, seen = scene.state.stable, scene.snapshot.stable(scene.state)
    if stable is None or seen is None:
        return f"{'' if scene.desired.refused else 'accepted; '}nothing has been started yet"
    if stable_is_sick(scene):
        nobody = "" if seen.ready else ": nobody is served"
        return f"{stable.revision} is stable, but {_pods(seen, wanted_pods(scene))}{nobody}{_cause(seen)}"
    if wanted_pods(scene) == 0:
        return f"{stable.revision} is stable with zero replicas: nobody answers; raise spec.scaling.replicas"
    if not is_written(scene):
        return f"{stable.revision} is stable, but {routed(scene)}"
    if not has_its_pods(scene):
        return f"{stable.revision} is stable; {_pods(seen, wanted_pods(scene))}"
    return f"{stable.revision} serves since {clock(stable.since)}{_recovered(scene)}{autoscaler.hint(scene)}"


def _recovered(scene: Scene) -> str:
    """A promotion leaves its rollout behind; without one the status was lost and read again from the children."""
    return "" if scene.state.rollout else "; its status was lost and read again from its children"


def routed(scene: Scene) -> str:
    """Where users are sent while what was decided is not written; the setback before it says why."""
    present = split_in_force(scene)
    if present is None:
        return "where users are sent cannot be read: its Service is missing, or edited by hand"
    nobody = "" if answering(scene) else ": nobody is served"
    if present.weight in {0, 100}:
        return f"{present.canary if present.weight else present.stable} still has all users{nobody}"
    return f"{present.canary} still has {present.weight} %, {present.stable} the others{nobody}"


def _pods(seen: Track, wanted: int) -> str:
    return f"{seen.ready} of {pluralize(wanted, 'pod')} {is_or_are(seen.ready, of=wanted)} ready"


def _cause(seen: Track) -> str:
    if seen.trouble is None:
        return ""
    return f"; {seen.trouble.reason} of pod {seen.trouble.pod}: {clause(seen.trouble.message)}"


def meanwhile(scene: Scene) -> str:
    """Who serves now, as the end of a sentence about somebody who does not."""
    stable, seen = scene.state.stable, scene.snapshot.stable(scene.state)
    if stable is None or seen is None:
        return "; nothing serves yet"
    if replicas.making_room(scene.state, scene.snapshot):
        return f"; {stable.revision} makes room for it: nobody is served until then (strategy Recreate)"
    if not is_written(scene):
        return f"; {routed(scene)}"
    if seen.ready:
        return f"; {stable.revision} serves"
    return f"; {stable.revision} is stable but has no ready pod{_cause(seen)}"


def _building(scene: Scene, rollout: api.RolloutStatus) -> str:
    lacking = missing_for_build(scene.desired, scene.observed, scene.parts)
    build, now = scene.state.build_of(scene.snapshot.wish.build_id), scene.snapshot.now
    if build is None:
        return f"{rollout.revision} waits for its build{_needs(lacking)}{meanwhile(scene)}"
    if build.phase is phases.BuildPhase.FAILED:
        again = schedule.next_transition(scene)
        then = (
            f"; attempt {build.attempt + 1} at {clock(again, now)}"
            if again and not lacking
            else _needs(lacking)
        )
        failed = f"the build of {rollout.revision} failed, attempt {build.attempt}"
        return f"{failed}: {build.reason}: {clause(build.message)}{then}{meanwhile(scene)}"
    waiting = f"; {build.reason}: {clause(build.message)}" if build.reason else ""
    since = f"since {clock(build.started_at, now)}, attempt {build.attempt}"
    return f"{rollout.revision} is being built {since}{waiting}{meanwhile(scene)}"


def _needs(lacking: tuple[Reference, ...]) -> str:
    return f"; it needs {_named(lacking)}, create it" if lacking else ""


def _starting(scene: Scene, rollout: api.RolloutStatus) -> str:
    seen = scene.snapshot.canary(scene.state)
    if (others := scene.snapshot.strangers(scene.state)) > 0:
        return (
            f"{rollout.revision} waits until {pluralize(others, 'pod')} of older revisions {is_or_are(others, of=others)} gone"
            f"{_when_they_leave(scene)}{meanwhile(scene)}"
        )
    if rollout.waiting_for is phases.WaitingFor.CAPACITY and scene.snapshot.wish.steps:
        return f"{_too_few(scene, rollout)}{meanwhile(scene)}"
    pods = f"{_pods(seen, _needed(scene, rollout))}{_cause(seen)}"
    return f"{rollout.revision} starts: {pods}{_deadline(scene, rollout)}{meanwhile(scene)}"


def _when_they_leave(scene: Scene) -> str:
    at = leaves_at(scene)
    return (
        f"; they leave at {clock(at, scene.snapshot.now)}"
        if at is not None and at > scene.snapshot.now
        else ""
    )


def _too_few(scene: Scene, rollout: api.RolloutStatus) -> str:
    weight, stable = scene.snapshot.wish.steps[0].weight, scene.snapshot.counts.full
    enough = next(n for n in itertools.count(stable + 1) if not scene.parts.router.too_few(weight, stable=n))
    return (
        f"{rollout.revision} waits: one canary pod beside {stable} of stable gets more than {weight} %; have "
        f"{enough} replicas at least, or set spec.traffic.replicas.whenTooFew to Proceed"
    )


def _needed(scene: Scene, rollout: api.RolloutStatus) -> int:
    counts = scene.snapshot.counts
    if rollout.phase is Phase.PROMOTING or rollout.steps == 0 or not counts.at_step:
        return counts.full
    return counts.at_step[max(min(rollout.step, len(counts.at_step)), 1) - 1]


def _deadline(scene: Scene, rollout: api.RolloutStatus) -> str:
    if rollout.progressed_at is None:
        return ""
    ends = clock(rollout.progressed_at + scene.snapshot.wish.progress_deadline, scene.snapshot.now)
    return f"; rejected at {ends} unless one more pod is ready by then"


def _shifting(scene: Scene, rollout: api.RolloutStatus) -> str:
    seen, now = scene.snapshot.canary(scene.state), scene.snapshot.now
    step, needed = step_of(scene.snapshot.wish, rollout), _needed(scene, rollout)
    held = _share(scene, rollout)
    if rollout.weight < step.weight:
        pods = f"{seen.ready} of {pluralize(needed, 'pod')} for {step.weight} %"
        coming = f"{pods} {is_or_are(seen.ready, of=needed)} ready"
        return f"{held}; {coming}{_cause(seen)}{_deadline(scene, rollout)}{_alone(scene)}"
    if not is_written(scene):
        return f"{held}; step {rollout.step} begins once that is written{meanwhile(scene)}"
    upcoming = _next_of(scene, rollout)
    then = schedule.next_transition(scene)
    if then is None:
        pods = f"{_pods(seen, needed)}{_cause(seen)}"
        return f"{held}; {upcoming} as soon as all its pods are ready: {pods}{_deadline(scene, rollout)}"
    return f"{held}{_cause(seen)}; {upcoming} at {clock(then, now)}"


def _share(scene: Scene, rollout: api.RolloutStatus) -> str:
    if not is_written(scene):
        return f"canary {rollout.revision} should have {rollout.weight} %"
    if not has_users(scene.state):
        return f"canary {rollout.revision} has no users, because none of its pods was ready"
    began = rollout.step_started_at
    since = f" since {clock(began, scene.snapshot.now)}" if began else ""
    span = timedelta(seconds=rollout.paused_seconds or 0)
    paused = f", {durations.format_duration(span)} of it paused" if span else ""
    return f"canary {rollout.revision} has {rollout.weight} %{since}{paused}{really(scene, rollout)}"


def _alone(scene: Scene) -> str:
    return "" if has_users(scene.state) and is_written(scene) else meanwhile(scene)


def _next_of(scene: Scene, rollout: api.RolloutStatus) -> str:
    steps = scene.snapshot.wish.steps
    return "promoted" if rollout.step >= len(steps) else f"{steps[rollout.step].weight} %"


def really(scene: Scene, rollout: api.RolloutStatus) -> str:
    """The share that the canary can have, in brackets, where it is another than what is asked for."""
    canary, stable = scene.snapshot.canary(scene.state), scene.snapshot.stable(scene.state)
    split = split_of(scene.state)
    if stable is None or split is None:
        return ""
    share = scene.parts.router.actual(split, Ready(stable=stable.ready, canary=canary.ready))
    if share == rollout.weight:
        return ""
    return f" (really {share} %: {pluralize(canary.ready, 'pod')} beside {stable.ready})"


def _paused(scene: Scene, rollout: api.RolloutStatus) -> str:
    share = f" at {rollout.weight} %" if has_users(scene.state) else ""
    since = clock(rollout.paused_at, scene.snapshot.now)
    cause = _cause(scene.snapshot.canary(scene.state))
    return (
        f"{rollout.revision} is held{share} since {since}: {held_by(scene, rollout)}{cause}{meanwhile(scene)}"
    )


def held_by(scene: Scene, rollout: api.RolloutStatus) -> str:
    """Who holds a rollout, and what lets it go on."""
    if rollout.paused_by is not phases.PausedBy.DECISION:
        return f"{scene.snapshot.wish.hold} to go on"
    paused = clause(rollout.message) or "paused"
    return f"{paused}; create a RolloutDecision with action Resume to go on"


def _promoting(scene: Scene, rollout: api.RolloutStatus) -> str:
    seen = scene.snapshot.canary(scene.state)
    pods = f"{_pods(seen, scene.snapshot.counts.full)}{_cause(seen)}"
    return f"{rollout.revision} takes over: {pods}{_deadline(scene, rollout)}{meanwhile(scene)}"


def _rolling_back(scene: Scene, rollout: api.RolloutStatus) -> str:
    why = f"{rollout.reason}: {clause(rollout.message)}"
    if rollout.weight and not rollback.stable_can_take_over(scene.state, scene.snapshot):
        stable = scene.snapshot.stable(scene.state)
        has = "has all users until one is" if is_written(scene) else f"gets all users; {routed(scene)}"
        kept = f"but no pod of stable is ready; it {has}"
        return f"{rollout.revision} should go back ({why}), {kept}{'' if stable is None else _cause(stable)}"
    if not is_written(scene):
        return f"{rollout.revision} should go back: {why}{meanwhile(scene)}"
    leaves = schedule.next_transition(scene)
    then = f"; its pods leave at {clock(leaves, scene.snapshot.now)}" if leaves else "; its pods are leaving"
    return f"{rollout.revision} goes back: {why}{then}{meanwhile(scene)}"


def _rejected(scene: Scene, rollout: api.RolloutStatus) -> str:
    rejection = scene.state.rejection_of(scene.snapshot.wish.revision)
    if rejection is None:
        return f"{rollout.revision} was rejected{meanwhile(scene)}"
    why = f"{rejection.reason}: {clause(rejection.message)}"
    if scene.state.stable is not None and scene.state.stable.revision == rejection.revision:
        failed = f"going back to {rollout.revision} failed: {rollout.reason}: {clause(rollout.message)}"
        keep = f"{AFTER_A_REJECTION} to keep {rejection.revision}{meanwhile(scene)}"
        return f"{rejection.revision} was rejected at {clock(rejection.at)} ({why}), but {failed}; {keep}"
    return f"{rejection.revision} was rejected at {clock(rejection.at)}: {why}; {AFTER_A_REJECTION}{meanwhile(scene)}"


_BY_PHASE: dict[Phase, Callable[[Scene, api.RolloutStatus], str]] = {
    Phase.BUILDING: _building,
    Phase.STARTING: _starting,
    Phase.SHIFTING: _shifting,
    Phase.PAUSED: _paused,
    Phase.PROMOTING: _promoting,
    Phase.ROLLING_BACK: _rolling_back,
    Phase.REJECTED: _rejected,
}
