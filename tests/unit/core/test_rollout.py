"""The rollout, phase by phase: what is remembered, what is seen, and where it goes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from seatrial.api import phases, reasons
from seatrial.api import status as api
from seatrial.core import moves, rollout
from seatrial.core.memory import Memory
from seatrial.core.moves import Phase
from seatrial.core.wish import BuildSeen, Counts, Situation, Step
from tests.builders import NEW, NEWER, NOW, OLD, after, image, memory, seen, shifting, track
from tests.builders import rollout as staged

Reason = reasons.Reason
NONE = Counts(at_step=(0, 0), full=0, too_few=(False, False))


def starting(**changes: Any) -> Memory:
    return memory(staged(Phase.STARTING, **changes))


def promoting(**changes: Any) -> Memory:
    return memory(staged(Phase.PROMOTING, step=2, weight=50, users_since=NOW, **changes))


def paused(**changes: Any) -> Memory:
    known = {"step": 1, "weight": 20, "users_since": NOW, "step_started_at": NOW, "paused_at": NOW}
    return memory(staged(Phase.PAUSED, **{**known, "paused_by": phases.PausedBy.SPEC, **changes}))


def going_back(**changes: Any) -> Memory:
    known = {"reason": Reason.CRASH_LOOP, "message": "it crashes", "step_started_at": NOW}
    return memory(staged(Phase.ROLLING_BACK, **{**known, **changes}))


CASES = [
    # at rest
    pytest.param(Memory(), seen().at(), Phase.STARTING, id="a first image starts at once"),
    pytest.param(
        Memory(), seen().at(image=""), Phase.BUILDING, id="a first model waits until its image is built"
    ),
    pytest.param(
        memory(), seen().stable().at(revision=OLD), None, id="what is stable already needs no rollout"
    ),
    pytest.param(memory(), seen().stable().at(), Phase.STARTING, id="another revision starts beside stable"),
    pytest.param(
        memory(), seen().stable().at(paused=True), Phase.PAUSED, id="another revision waits while paused"
    ),
    pytest.param(
        memory(staged(Phase.STABLE), rejected=(api.Rejected(revision=NEW, reason=Reason.CRASH_LOOP),)),
        seen().stable().at(),
        Phase.REJECTED,
        id="a rejected revision is not tried again",
    ),
    pytest.param(
        memory(staged(Phase.REJECTED)),
        seen().stable().at(revision=OLD),
        Phase.STABLE,
        id="asking for stable again ends a rejection",
    ),
    pytest.param(
        memory(), seen().stable().at(revision=""), None, id="nothing begins while no revision can be named"
    ),
    # Building
    pytest.param(
        memory(staged(Phase.BUILDING)),
        seen().stable().built().at(image=""),
        Phase.STARTING,
        id="a built image is started",
    ),
    pytest.param(
        memory(staged(Phase.BUILDING)),
        seen().stable().having(images={NEW: image(NEW)}).at(image=""),
        Phase.STARTING,
        id="an image that is kept is not built again",
    ),
    pytest.param(
        memory(staged(Phase.BUILDING)),
        seen().stable().having(images={OLD: image(OLD)}).at(image="", build_id=image(OLD).build_id),
        Phase.STARTING,
        id="another revision of the same build needs no build",
    ),
    pytest.param(
        memory(staged(Phase.BUILDING)),
        seen().stable().having(build=BuildSeen(reason=Reason.SOURCE_NOT_FOUND)).at(image=""),
        Phase.BUILDING,
        id="a build that fails for a passing reason is waited for",
    ),
    pytest.param(
        memory(staged(Phase.BUILDING)),
        seen().stable().having(build=BuildSeen(reason=Reason.BUILD_FAILED, terminal=True)).at(image=""),
        Phase.REJECTED,
        id="a build that fails for good is rejected",
    ),
    # Starting
    pytest.param(starting(), seen().stable().at(), Phase.STARTING, id="no users before a pod is there"),
    pytest.param(
        starting(), seen().stable().canary().at(), Phase.SHIFTING, id="users come when the pods are available"
    ),
    pytest.param(
        starting(), seen().stable().canary().stranger().at(), Phase.STARTING, id="no users beside a third one"
    ),
    pytest.param(
        starting(), seen().stable().canary().at(paused=True), Phase.PAUSED, id="no users come while paused"
    ),
    pytest.param(
        starting(), seen().stable().crashing().at(), Phase.ROLLING_BACK, id="a crash goes back fast"
    ),
    pytest.param(
        starting(),
        seen().stable().trouble(Reason.IMAGE_PULL_FAILED).at(),
        Phase.STARTING,
        id="an image that cannot be pulled is waited for",
    ),
    pytest.param(
        starting(progressed_at=NOW),
        seen().stable().trouble(Reason.IMAGE_PULL_FAILED).at(after(minutes=10)),
        Phase.ROLLING_BACK,
        id="waiting ends at the progress deadline",
    ),
    pytest.param(
        starting(steps=0),
        seen().stable().canary().at(),
        Phase.STARTING,
        id="without steps all pods are needed",
    ),
    pytest.param(
        starting(steps=0),
        seen().stable().canary(ready=3).at(),
        Phase.STABLE,
        id="without steps it is promoted",
    ),
    pytest.param(
        starting(),
        seen()
        .stable()
        .canary()
        .having(counts=Counts(at_step=(1, 3), full=3, too_few=(True, False)))
        .at(hold_when_too_few=True),
        Phase.STARTING,
        id="too few pods for so small a share wait if that was asked for",
    ),
    # Shifting
    pytest.param(
        shifting(), seen().stable().canary().at(after(seconds=119)), Phase.SHIFTING, id="a step is held"
    ),
    pytest.param(
        shifting(step=2, weight=50),
        seen().stable().canary(ready=3).at(after(minutes=5)),
        Phase.STABLE,
        id="after the last step it is promoted",
    ),
    pytest.param(
        shifting(), seen().stable().crashing().at(after(seconds=30)), Phase.ROLLING_BACK, id="a crash ends it"
    ),
    pytest.param(
        shifting(),
        seen().stable().exits(after(seconds=10)).at(after(seconds=30)),
        Phase.ROLLING_BACK,
        id="one abnormal exit under users ends it",
    ),
    pytest.param(
        shifting(),
        seen().stable().exits(after(seconds=10)).at(after(seconds=30), max_restarts=1),
        Phase.SHIFTING,
        id="an abnormal exit that is allowed does not end it",
    ),
    pytest.param(
        shifting(),
        seen().stable().exits(after(seconds=-1)).at(after(seconds=30)),
        Phase.SHIFTING,
        id="an exit before it had users does not end it",
    ),
    pytest.param(
        shifting(), seen().stable().canary().at(paused=True), Phase.PAUSED, id="a pause holds its share"
    ),
    pytest.param(
        shifting(), seen().stable().canary().at(revision=NEWER), Phase.ROLLING_BACK, id="a newer one ends it"
    ),
    pytest.param(
        shifting(),
        seen().stable(ready=0).canary().at(after(seconds=1)),
        Phase.PROMOTING,
        id="it takes over when stable has no pod",
    ),
    pytest.param(
        shifting(weight=50, step=2),
        seen().stable().canary(ready=3).at(after(minutes=5), steps=()),
        Phase.STABLE,
        id="taking away all steps promotes it",
    ),
    # Paused
    pytest.param(
        paused(), seen().stable().canary().at(after(hours=1), paused=True), Phase.PAUSED, id="a pause lasts"
    ),
    pytest.param(paused(), seen().stable().canary().at(), Phase.SHIFTING, id="unpaused it goes on"),
    pytest.param(
        paused(paused_by=phases.PausedBy.DECISION),
        seen().stable().canary().at(),
        Phase.PAUSED,
        id="a person's pause outlasts the spec's",
    ),
    pytest.param(
        paused(), seen().stable().crashing().at(paused=True), Phase.ROLLING_BACK, id="a crash ends a pause"
    ),
    # Promoting
    pytest.param(
        promoting(), seen().stable().canary(ready=2).at(), Phase.PROMOTING, id="all pods before all users"
    ),
    pytest.param(
        promoting(), seen().stable().canary(ready=3).at(), Phase.STABLE, id="all pods: it is stable"
    ),
    pytest.param(
        promoting(), seen().stable().canary(ready=3).at(revision=NEWER), Phase.ROLLING_BACK, id="reversed"
    ),
    # RollingBack
    pytest.param(
        going_back(users_since=NOW),
        seen().stable().canary().at(after(seconds=29)),
        Phase.ROLLING_BACK,
        id="pods stay for the delay after the users left",
    ),
    pytest.param(
        going_back(users_since=NOW),
        seen().stable().canary().having(narrow=False).at(after(minutes=5)),
        Phase.ROLLING_BACK,
        id="pods stay while the router still sends users",
    ),
    pytest.param(
        going_back(), seen().stable().canary(ready=0).at(), Phase.REJECTED, id="without pods it is rejected"
    ),
    pytest.param(
        going_back(reason=Reason.SUPERSEDED),
        seen().stable().at(revision=OLD),
        Phase.STABLE,
        id="superseded it is not held against it",
    ),
]


@pytest.mark.parametrize(("before", "at", "phase"), CASES)
def test_advance_goes_as_far_as_what_is_seen_allows(
    before: Memory, at: Situation, phase: Phase | None
) -> None:
    then = rollout.advance(before, at).rollout
    assert (then and then.phase) == phase


@pytest.mark.parametrize(("before", "at", "phase"), CASES)
def test_a_second_decision_on_the_same_facts_changes_nothing(
    before: Memory, at: Situation, phase: Phase | None
) -> None:
    once = rollout.advance(before, at)
    assert rollout.advance(once, at) == once


def _weight(before: Memory, at: Situation) -> int:
    then = rollout.advance(before, at).rollout
    assert then is not None
    return then.weight


def test_the_weight_of_a_step_waits_for_its_pods() -> None:
    at_step_two = shifting(step=2, weight=20)
    assert _weight(at_step_two, seen().stable().canary(ready=2).at(after(minutes=3))) == 20
    assert _weight(at_step_two, seen().stable().canary(ready=3).at(after(minutes=3))) == 50


def test_users_leave_with_the_decision_to_go_back() -> None:
    assert _weight(shifting(), seen().stable().crashing().at(after(seconds=30))) == 0


def test_users_leave_a_canary_whose_last_pod_has_gone_and_return_when_it_is_back() -> None:
    alone = seen().stable().canary(ready=0)
    without = rollout.advance(shifting(), alone.at(after(seconds=30)))
    assert without.rollout is not None
    assert (without.rollout.phase, without.rollout.weight) == (Phase.SHIFTING, 0)
    back = rollout.advance(without, seen().stable().canary().at(after(seconds=50))).rollout
    assert back is not None
    assert (back.weight, back.step_started_at) == (20, after(seconds=50))


@pytest.mark.parametrize("phase", [Phase.PAUSED, Phase.PROMOTING])
def test_users_leave_a_canary_without_pods_in_every_phase(phase: Phase) -> None:
    held = {"paused_at": NOW, "paused_by": phases.PausedBy.DECISION} if phase is Phase.PAUSED else {}
    before = memory(staged(phase, step=1, weight=20, users_since=NOW, step_started_at=NOW, **held))
    assert _weight(before, seen().stable().canary(ready=0).at(after(seconds=5))) == 0


def test_a_canary_that_alone_answers_has_all_users() -> None:
    assert _weight(shifting(), seen().stable(ready=0).canary().at(after(seconds=5))) == 100


def test_a_failing_canary_keeps_the_users_while_stable_has_no_pod_for_them() -> None:
    sick = seen().stable(ready=0).exits(after(seconds=10))
    assert _weight(shifting(), sick.at(after(seconds=30))) == 100


def test_edited_steps_keep_the_weight_and_go_on_at_the_first_step_that_has_it() -> None:
    more = tuple(Step(weight=weight, hold=timedelta(minutes=1)) for weight in (20, 30, 40, 60))
    then = rollout.advance(
        shifting(weight=25), seen().stable().canary(ready=3).at(after(seconds=1), steps=more)
    )
    assert then.rollout is not None
    assert (then.rollout.step, then.rollout.weight, then.rollout.steps) == (2, 30, 4)


def test_a_pause_does_not_count_as_time_held() -> None:
    resumed = rollout.advance(paused(paused_at=after(minutes=1)), seen().stable().canary().at(after(hours=1)))
    assert resumed.rollout is not None
    assert resumed.rollout.step_started_at == NOW + timedelta(minutes=59)


def test_a_promoted_revision_is_stable_and_in_history() -> None:
    then = rollout.advance(promoting(), seen().stable().canary(ready=3).at(after(minutes=9)))
    assert then.stable is not None
    assert (then.stable.revision, then.stable.since, then.canary) == (NEW, after(minutes=9), None)
    assert [(h.revision, h.outcome) for h in then.history] == [(NEW, phases.Outcome.PROMOTED)]


def test_a_rejection_remembers_why() -> None:
    then = rollout.advance(going_back(), seen().stable().at(after(minutes=1)))
    entry = then.rejection_of(NEW)
    assert entry is not None
    assert (entry.reason, entry.message, entry.at) == (Reason.CRASH_LOOP, "it crashes", after(minutes=1))


def test_zero_replicas_are_promoted_at_once_and_history_says_that_checks_were_skipped() -> None:
    then = rollout.advance(memory(), seen().stable(ready=0).having(counts=NONE).at())
    assert then.stable is not None
    assert then.stable.revision == NEW
    assert "checks were skipped" in then.history[0].message


def test_asking_for_stable_again_forgets_the_canary_that_was_rejected() -> None:
    failed = memory(staged(Phase.REJECTED))
    assert rollout.advance(failed, seen().stable().at(revision=OLD)).canary is None


def test_a_return_to_a_revision_of_history_takes_no_steps() -> None:
    entry = api.HistoryEntry(revision=NEW, outcome=phases.Outcome.PROMOTED)
    then = rollout.advance(memory(history=(entry,)), seen().stable().canary().at())
    assert then.rollout is not None
    assert (then.rollout.steps, then.rollout.fast_track, then.rollout.phase) == (0, True, Phase.STARTING)


def test_the_way_back_that_a_person_chose_is_not_called_off_by_the_rejected_spec() -> None:
    rejected = (api.Rejected(revision=OLD, reason=Reason.ROLLED_BACK),)
    on_its_way = memory(staged(Phase.STARTING, steps=0, fast_track=True), rejected=rejected)
    then = rollout.advance(on_its_way, seen().stable().canary(ready=1).at(revision=OLD))
    assert then.rollout is not None
    assert then.rollout.phase is Phase.STARTING


def test_a_canary_is_called_off_when_the_spec_asks_for_a_rejected_revision() -> None:
    rejected = (api.Rejected(revision=NEWER, reason=Reason.CRASH_LOOP),)
    under_users = Memory(stable=track(OLD), canary=track(NEW), rollout=shifting().rollout, rejected=rejected)
    then = rollout.advance(under_users, seen().stable().canary().at(after(seconds=1), revision=NEWER))
    assert then.rollout is not None
    assert (then.rollout.phase, then.rollout.reason) == (Phase.ROLLING_BACK, Reason.SUPERSEDED)


def test_a_move_outside_the_table_is_refused() -> None:
    with pytest.raises(moves.IllegalMove, match="Stable → Promoting"):
        moves.moved(staged(Phase.STABLE), Phase.PROMOTING)
