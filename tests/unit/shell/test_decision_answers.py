"""The answer to a decision is written to that decision only."""

from __future__ import annotations

import pytest

from seatrial.api import kinds, names, rollout_decision, status_fields
from seatrial.api import objects as api_objects
from seatrial.api.objects import Body
from seatrial.api.text import ELLIPSIS
from seatrial.applier import Applier, ApplyOutcome
from seatrial.children import actions
from seatrial.kube.caches import Caches
from tests.apiserver import FakeApiServer
from tests.unit.shell import shell_objects as objects
from tests.unit.shell.shell_objects import NAMESPACE, apply

pytestmark = pytest.mark.looptime

DECISION: Body = {
    "apiVersion": names.API_VERSION,
    "kind": names.DECISION_KIND,
    "metadata": {"name": "churn-1", "namespace": NAMESPACE},
    "spec": {"deployment": "churn"},
}


def answer(uid: str, message: str = "m") -> actions.AnswerDecision:
    return actions.AnswerDecision(
        namespace=NAMESPACE,
        name="churn-1",
        uid=uid,
        phase=rollout_decision.DecisionPhase.TAKEN,
        message=message,
        at=objects.START,
    )


def status_of_decision(api: FakeApiServer) -> Body:
    """Return the status of the only decision."""
    (decision,) = api.all(kinds.ROLLOUT_DECISION)
    status: Body = decision.get("status") or {}
    return status


@pytest.fixture
async def uid(api: FakeApiServer, caches: Caches) -> str:
    """The uid of a decision in the cache."""
    made = api.insert(kinds.ROLLOUT_DECISION, DECISION)
    caches.observe(made)
    return api_objects.uid_of(made)


async def test_the_answer_is_written_to_the_status_of_the_decision(
    api: FakeApiServer, applier: Applier, uid: str
) -> None:
    assert await apply(applier, answer(uid)) == ApplyOutcome(done=1)
    assert status_of_decision(api) == {"phase": "Taken", "message": "m", "at": "2026-01-01T00:00:00Z"}


async def test_the_answer_is_not_written_to_a_decision_with_another_uid(
    api: FakeApiServer, applier: Applier, uid: str
) -> None:
    assert await apply(applier, answer("another")) == ApplyOutcome(done=0, retry=True)
    assert (status_of_decision(api), api.writes) == ({}, [])


async def test_the_answer_is_not_written_to_a_successor_that_the_cache_has_not_seen(
    api: FakeApiServer, applier: Applier, uid: str
) -> None:
    api.remove(kinds.ROLLOUT_DECISION, NAMESPACE, "churn-1")
    api.insert(kinds.ROLLOUT_DECISION, DECISION)
    assert await apply(applier, answer(uid)) == ApplyOutcome(done=0, retry=True)
    assert status_of_decision(api) == {}


async def test_an_answer_that_cannot_be_written_does_not_stop_other_actions(
    api: FakeApiServer, applier: Applier
) -> None:
    outcome = await apply(applier, answer("u"), actions.Create(objects.service()))
    assert outcome == ApplyOutcome(done=1, retry=True)
    assert api.look(kinds.SERVICE, NAMESPACE, "churn") is not None


async def test_a_long_answer_is_truncated_to_what_the_server_accepts(
    api: FakeApiServer, applier: Applier, uid: str
) -> None:
    """It quotes the message of a rejection, which may be as long as a message can be."""
    assert await apply(applier, answer(uid, "x" * (status_fields.SENTENCE + 1))) == ApplyOutcome(done=1)
    assert status_of_decision(api)["message"] == "x" * (status_fields.SENTENCE - 1) + ELLIPSIS
