"""What a Rollback may name: a revision, the start of a digest, or `previous`; and what a refusal lists."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from seatrial.api import phases, reasons
from seatrial.api.rollout_decision import Action, DecisionPhase
from seatrial.core import user_decisions
from seatrial.core.rollback_target import NoRollbackTarget, revision_meant
from seatrial.core.snapshot import UserDecision
from seatrial.core.state import HistoryEntry, ModelRevision, Rejection, RolloutState
from seatrial.core.target import Image
from seatrial.core.transitions import Phase
from tests.builders import NOW, after, rollout, seen

STABLE, V3, V2, V1 = "aaaaaaaaaa", "3333333333", "2222222222", "1111111111"
DIGESTS = {STABLE: "abcdef0", V3: "8d3f07c", V2: "8d3f07d", V1: "8d3f07d"}
"""The start of the digest of each model; V2 and V1 run the same one."""


def identity(revision: str) -> dict[str, Any]:
    """Return which model a revision runs."""
    return {
        "revision": revision,
        "image": f"r.shop/models@sha256:{revision[0] * 64}",
        "model_digest": f"sha256:{DIGESTS[revision].ljust(64, '0')}",
        "source_uri": f"s3://models/churn/{revision[0]}/",
    }


def promoted(revision: str, **span: float) -> HistoryEntry:
    """Return the promotion of a revision, this long after NOW."""
    return HistoryEntry(**identity(revision), outcome=phases.Outcome.PROMOTED, finished_at=after(**span))


HISTORY = (promoted(STABLE, hours=3), promoted(V3, hours=2), promoted(V2, hours=1), promoted(V1, hours=0))
SERVING = RolloutState(
    stable=ModelRevision(**identity(STABLE), since=after(hours=3)),
    rollout=rollout(Phase.STABLE, revision=STABLE),
    history=HISTORY,
)


def rejecting(state: RolloutState, revision: str) -> RolloutState:
    """Return the state in which a revision was rejected since."""
    rejection = Rejection(
        **identity(revision), reason=reasons.Reason.CRASH_LOOP, message="it exits", at=after(hours=2)
    )
    return state.with_rejection(rejection)


@pytest.mark.parametrize(
    ("wanted", "revision"),
    [
        pytest.param(V2, V2, id="a revision"),
        pytest.param("8d3f07c", V3, id="the start of a model's digest"),
        pytest.param("sha256:8d3f07c", V3, id="with its algorithm"),
        pytest.param(f"sha256:{'8d3f07c'.ljust(64, '0')}", V3, id="a whole digest"),
        pytest.param("222222", V2, id="the start of an image's digest"),
        pytest.param("previous", V3, id="what served before"),
        pytest.param("abcdef", STABLE, id="the digest of what serves"),
    ],
)
def test_a_target_means_one_revision(wanted: str, revision: str) -> None:
    assert revision_meant(wanted, SERVING) == revision


def test_previous_skips_what_was_rejected_and_what_is_gone() -> None:
    assert revision_meant("previous", rejecting(SERVING, V3)) == V2
    assert revision_meant("previous", SERVING, {STABLE, V1}) == V1


def test_a_revision_that_is_named_wins_over_a_digest_that_begins_like_it() -> None:
    twin = replace(HISTORY[2], model_digest=f"sha256:{V1.ljust(64, '0')}")
    state = replace(SERVING, history=(*HISTORY[:2], twin, HISTORY[3]))
    assert revision_meant(V1, state) == V1


@pytest.mark.parametrize(
    ("wanted", "state"),
    [
        pytest.param("8d3f07", SERVING, id="several models"),
        pytest.param("8d3f07d", SERVING, id="one model of several revisions"),
        pytest.param("ffffff", SERVING, id="an unknown digest"),
        pytest.param("dddddddddd", SERVING, id="an unknown revision"),
        pytest.param("previous", replace(SERVING, history=HISTORY[:1]), id="nothing served before"),
        pytest.param("", SERVING, id="nothing"),
    ],
)
def test_a_target_that_means_none_or_several_revisions_is_refused(wanted: str, state: RolloutState) -> None:
    with pytest.raises(NoRollbackTarget):
        revision_meant(wanted, state)


def test_an_ambiguous_digest_lists_only_the_revisions_that_it_means() -> None:
    with pytest.raises(NoRollbackTarget) as refusal:
        revision_meant("8d3f07d", SERVING)
    assert V2 in str(refusal.value)
    assert V1 in str(refusal.value)
    assert V3 not in str(refusal.value)


def test_a_long_list_is_cut_and_says_so() -> None:
    many = tuple(replace(promoted(V1), revision=f"{number:010d}") for number in range(9))
    with pytest.raises(NoRollbackTarget, match=r"and 4 more in status\.history$"):
        revision_meant("ffffff", replace(SERVING, history=many))


def answer(wanted: str, state: RolloutState, *kept: str) -> tuple[RolloutState, DecisionPhase, str]:
    """Return what a Rollback from STABLE does where these ControllerRevisions exist."""
    decision = UserDecision(
        uid="d",
        name="d",
        action=Action.ROLLBACK,
        revision=STABLE,
        at=NOW,
        decided_by="jo",
        to_revision=wanted,
    )
    images = {revision: Image(reference="r/m@sha256:1") for revision in kept}
    inputs = seen().having(images=images).at(after(hours=4))
    after_it, (outcome,) = user_decisions.take((decision,), state, inputs)
    return after_it, outcome.phase, outcome.message


@pytest.mark.parametrize("wanted", [V3, "8d3f07c", "previous"])
def test_a_rollback_goes_to_the_revision_that_is_meant(wanted: str) -> None:
    state, phase, message = answer(wanted, SERVING, V3, V2, V1)
    assert phase is DecisionPhase.TAKEN
    assert state.rollout is not None
    assert (state.rollout.revision, state.rollout.phase) == (V3, Phase.BUILDING)
    assert V3 in message
    rejection = state.rejection_of(STABLE)
    assert rejection is not None
    assert f"rolled back to {V3}" in rejection.message


@pytest.mark.parametrize(
    ("wanted", "state", "why"),
    [
        pytest.param("ffffff", SERVING, "ffffff was never promoted", id="unknown"),
        pytest.param(
            V3, rejecting(SERVING, V3), "was itself rejected at 2026-11-21T14:00:00Z", id="rejected"
        ),
        pytest.param("8d3f07c", rejecting(SERVING, V3), "3333333333 was itself rejected", id="its digest"),
        pytest.param("abcdef", SERVING, "aaaaaaaaaa serves already", id="the digest of what serves"),
    ],
)
def test_a_refused_rollback_says_why(wanted: str, state: RolloutState, why: str) -> None:
    after_it, phase, message = answer(wanted, state, V3, V2, V1)
    assert (after_it, phase) == (state, DecisionPhase.REFUSED)
    assert why in message


@pytest.mark.parametrize("wanted", ["ffffff", V3])
def test_a_refused_rollback_lists_revision_time_and_source_of_what_there_is(wanted: str) -> None:
    _, _, message = answer(wanted, SERVING, V2)
    assert message.endswith(f"targets: {V2} (promoted 2026-11-21T13:00:00Z, s3://models/churn/2/)")


def test_a_refused_retry_lists_revision_time_and_source_of_what_was_rejected() -> None:
    decision = UserDecision(uid="d", name="d", action=Action.RETRY, revision=V1, at=NOW, decided_by="jo")
    _, (outcome,) = user_decisions.take((decision,), rejecting(SERVING, V3), seen().at())
    assert outcome.message.endswith(f"{V3} (rejected 2026-11-21T14:00:00Z, s3://models/churn/3/)")
