"""The wording of every status message, its details, every Event and Serving condition, one row a situation.

`wording.yaml` holds the texts, so that a person can review all of them at once; no other test asserts them word by
word. `--update-golden` writes it anew.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from seatrial.api.reasons import Reason
from seatrial.cli import yaml_output
from seatrial.core.decide import Decision
from seatrial.core.state import RolloutState
from seatrial.core.traffic import Split
from seatrial.core.transitions import Phase
from seatrial.reporting import autoscaler, conditions, health, status_message
from seatrial.reporting.events import events_of
from tests.builders import NEWER, NOW, OLD, after, seen, state, target
from tests.builders import rollout as rollout_in
from tests.unit.reporting import situations as given
from tests.unit.reporting.decided import decided
from tests.unit.reporting.turns import TURNS

FILE = Path(__file__).parent / "wording.yaml"
MESSAGES: dict[str, Decision] = {
    "nothing decided yet": decided(RolloutState(), seen().at(revision="")),
    "stable serves": given.resting(),
    "stable, status recovered": given.recovered(),
    "stable serves, paused": decided(state(given.STABLE), seen().stable().at(revision=OLD, paused=True)),
    "stable lacks a pod": given.resting(seen().stable(ready=2)),
    "a pod of stable fails": given.resting(seen().stable(ready=2, diagnosis=given.CRASH)),
    "no pod of stable is ready": given.resting(seen().stable(ready=0, diagnosis=given.CRASH)),
    "zero replicas": given.resting(seen().stable(ready=0), replicas=0),
    "zero replicas, paused": decided(
        state(given.STABLE), seen().stable(ready=0).at(revision=OLD, paused=True), replicas=0
    ),
    "autoscaler without metrics": given.autoscaled(inactive=True, cpu="1"),
    "autoscaler without a cpu request": given.autoscaled(),
    "autoscaler of somebody else": given.scaled_by_another(),
    "promotion not applied": given.routed_to(Split(stable=NEWER)),
    "promotion not applied, canary serves": given.routed_to(Split(stable=NEWER, canary=OLD, weight=50)),
    "router's objects missing": given.routed_to(None),
    "name conflict": given.resting(apply_error=given.CONFLICT),
    "invalid spec": given.resting(apply_error=given.INVALID),
    "missing ConfigMap": given.resting(seen().stable().having(missing=(given.CONFIG_MAP,))),
    "missing ConfigMap and Secret, nothing serves": decided(
        RolloutState(), seen().having(missing=(given.CONFIG_MAP, given.SECRET)).at(revision="")
    ),
    "build not begun": given.building(),
    "build waits for a Secret": given.building(None, given.SECRET),
    "build runs": given.building(given.RUNNING),
    "build pod waits for a node": given.building(given.PENDING),
    "build failed, retried": given.building(given.FAILED),
    "build failed, Secret gone": given.building(given.FAILED, given.SECRET),
    "first build": decided(given.first(Phase.BUILDING), seen().at(image="")),
    "canary starts": given.starting(),
    "canary pod waits for a node": given.starting(given.NO_NODE_BESIDE),
    "first deployment starts": given.starting(seen().canary(ready=1), of=given.first(Phase.STARTING)),
    "other revisions have pods": given.starting(given.BESIDE.other_revision(pods=2)),
    "pods of another revision are stopping": given.starting(
        given.BESIDE.other_revision(), now=after(minutes=5)
    ),
    "too few replicas for the weight": given.too_few(),
    "strategy Recreate": given.starting(recreate=True),
    "canary starts, stable is down": given.starting(seen().stable(ready=0).canary(ready=0, pods=1)),
    "step holds": given.shift(),
    "step holds, another actual share": given.shift(given.BESIDE),
    "step holds after a pause": given.shift(paused_seconds=600),
    "last step holds": given.shift(seen().stable().canary(ready=3), step=2, weight=50),
    "step holds, its checks have passed": given.judged(given.PASSED),
    "step holds, a check is undecided": given.judged(given.PASSED, given.UNDECIDED, given.TRIAL),
    "hold over, a check is undecided": given.judged(given.UNDECIDED, waits=True),
    "hold over, metrics cannot be read": given.judged(given.UNREADABLE, waits=True),
    "hold over, a pod is missing": given.hold_over(),
    "canary pods of the next step start": given.shift(step=2, progressed_at=NOW),
    "canary lost its pods": given.shift(seen().stable().canary(ready=0, pods=1), weight=0, progressed_at=NOW),
    "weight not applied": given.shift(apply_error=given.UNWRITTEN),
    "paused by the spec": given.paused(**given.SPEC_PAUSE, **given.TRAFFIC),
    "paused by the spec before traffic": given.paused(**given.SPEC_PAUSE),
    "paused by a person": given.paused(**given.PERSON_PAUSE, **given.TRAFFIC, message="paused by jo (lunch)"),
    "paused by a person, message lost": given.paused(**given.PERSON_PAUSE),
    "paused, canary fails": given.paused(given.NO_NODE_BESIDE, **given.SPEC_PAUSE),
    "paused by the spec, which became invalid": given.paused(target=target(invalid="x"), **given.SPEC_PAUSE),
    "promoting": given.promoting(),
    "promoting, stable is down": given.promoting(seen().stable(ready=0).canary()),
    "rolling back, draining": given.rolling_back(),
    "rolling back, never had traffic": given.rolling_back(users_since=None),
    "rolling back, superseded": given.rolling_back(**given.SUPERSEDED),
    "rolling back, aborted": given.rolling_back(**given.ABORTED),
    "first deployment rolls back": decided(given.first(Phase.ROLLING_BACK, **given.CRASHED), seen().at()),
    "rollback not applied": given.rolling_back(given.sharing(20, ready=1), apply_error=given.UNWRITTEN),
    "rollback blocked": given.blocked(),
    "rollback blocked and not applied": given.blocked(apply_error=given.UNWRITTEN),
    "rollback not applied, nothing serves": given.rolling_back(
        given.sharing(20), apply_error=given.UNWRITTEN
    ),
    "rejected": given.rejected(**given.CRASHED),
    "rejected by a check": given.rejected(**given.CHECK_FAILED),
    "rejected, stable lacks pods": given.rejected(
        seen().stable(ready=2, diagnosis=given.CRASH), **given.CRASHED
    ),
    "rejected, stable is down": given.rejected(
        seen().stable(ready=0, diagnosis=given.CRASH), **given.CRASHED
    ),
    "rejected without replicas": given.rejected(seen().stable(ready=0), replicas=0, **given.CRASHED),
    "rejected for its format": given.rejected(
        reason=Reason.MODEL_FORMAT_UNKNOWN, message="no known model format in churn.bin"
    ),
    "rejected for a long reason": given.rejected(
        reason=Reason.POD_REJECTED, message="violates PodSecurity restricted: " + "hostPath, " * 40
    ),
    "rejected, aborted": given.rejected(**given.ABORTED),
    "rollback by a person failed": given.failed_rollback(),
    "rejection forgotten": decided(state(rollout_in(Phase.REJECTED)), seen().stable().at()),
}
"""What `status.message` says."""
SERVING: dict[str, Decision] = {
    "no stable": decided(given.first(Phase.STARTING), seen().at()),
    "stable serves": given.resting(),
    "promotion not applied": given.routed_to(Split(stable=NEWER)),
    "first traffic of the next revision not withdrawn": given.routed_to(
        Split(stable=NEWER, canary=OLD, weight=50), ready=0
    ),
    "router's objects missing": given.routed_to(None),
    "only the canary serves": given.blocked(),
    "zero replicas": given.resting(seen().stable(ready=0), replicas=0),
    "stable is down": given.resting(seen().stable(ready=0, diagnosis=given.CRASH)),
}
"""What the condition Serving says."""
SCALING: dict[str, Decision] = {
    "autoscaler works": given.autoscaled(cpu="1"),
    "autoscaler without metrics": given.autoscaled(inactive=True, cpu="1"),
    "autoscaler without a cpu request": given.autoscaled(),
    "autoscaler that misses the cpu request": given.autoscaled(inactive=True),
    "autoscaler of somebody else": given.scaled_by_another(),
}
"""What the condition ScalingActive says; it is absent where the text is empty."""


def _wording() -> dict[str, dict[str, str]]:
    events = {
        name: " | ".join(f"{event.type} {event.reason}: {event.message}" for event in events_of(*turn))
        for name, turn in TURNS.items()
    }
    messages = {name: status_message.message(decision) for name, decision in MESSAGES.items()}
    details = {name: status_message.details(decision) for name, decision in MESSAGES.items()}
    return {
        "messages": messages,
        "details": {name: text for name, text in details.items() if text != messages[name]},
        "serving": {name: _condition(conditions.serving(decision)) for name, decision in SERVING.items()},
        "scaling": {name: _scaling(decision) for name, decision in SCALING.items()},
        "events": events,
    }


def _scaling(decision: Decision) -> str:
    trouble = autoscaler.trouble(decision)
    return "" if trouble is None else f"{trouble.reason}: {trouble.message}"


def _condition(value: conditions.ConditionValue) -> str:
    return f"{value.holds} {value.reason}: {value.message}"


def test_every_text_is_worded_as_reviewed(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-golden"):
        FILE.write_text(yaml_output.to_yaml(_wording()))
    assert _wording() == yaml.safe_load(FILE.read_text())


@pytest.mark.parametrize("phase", list(status_message.MESSAGES))
def test_every_phase_of_a_rollout_has_a_row(phase: Phase) -> None:
    rollouts = [decision.state.rollout for decision in MESSAGES.values()]
    assert any(rollout is not None and rollout.phase is phase for rollout in rollouts)


@pytest.mark.parametrize("name", list(MESSAGES))
def test_every_message_fits_the_line_of_kubectl_get(name: str) -> None:
    assert 0 < len(status_message.message(MESSAGES[name])) <= 120


@pytest.mark.parametrize("name", list(MESSAGES))
def test_the_details_say_whatever_had_no_room_in_the_message(name: str) -> None:
    message, details = status_message.message(MESSAGES[name]), status_message.details(MESSAGES[name])
    assert set(message.removesuffix("…").split("; ")[:-1]) <= set(details.split("; "))
    assert len(details) >= len(message)


@pytest.mark.parametrize("name", [name for name, decision in MESSAGES.items() if health.is_stalled(decision)])
def test_the_details_of_a_stalled_object_say_what_to_do(name: str) -> None:
    details = status_message.details(MESSAGES[name])
    assert any(remedy in details for remedy in ("apply", "another name", "spec is invalid", "rejected"))


@pytest.mark.parametrize(
    "name", [name for name, decision in MESSAGES.items() if health.is_impaired(decision)]
)
def test_a_message_about_an_impaired_object_begins_with_what_does_not_serve(name: str) -> None:
    apply_error = MESSAGES[name].snapshot.apply_error
    clauses = status_message.message(MESSAGES[name]).split("; ")[0 if apply_error is None else 1 :]
    assert any(word in clauses[0] for word in ("serv", "traffic has not shifted"))
