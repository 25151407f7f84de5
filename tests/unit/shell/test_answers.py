"""What became of a decision is written on that decision alone."""

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
from tests.unit.shell.shell_objects import NAMESPACE, run

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


def said(api: FakeApiServer) -> Body:
    """What stands on the only decision."""
    (found,) = api.all(kinds.ROLLOUT_DECISION)
    status: Body = found.get("status") or {}
    return status


@pytest.fixture
async def uid(api: FakeApiServer, caches: Caches) -> str:
    """Of a decision that is known."""
    made = api.insert(kinds.ROLLOUT_DECISION, DECISION)
    caches.observe(made)
    return api_objects.uid_of(made)


async def test_it_is_written_on_the_decision(api: FakeApiServer, hands: Applier, uid: str) -> None:
    assert await run(hands, answer(uid)) == ApplyOutcome(done=1)
    assert said(api) == {"phase": "Taken", "message": "m", "at": "2026-01-01T00:00:00Z"}


async def test_it_is_not_written_on_another_of_the_name(api: FakeApiServer, hands: Applier, uid: str) -> None:
    assert await run(hands, answer("another")) == ApplyOutcome(done=0, retry=True)
    assert (said(api), api.writes) == ({}, [])


async def test_it_is_not_written_on_one_that_took_the_name_unseen(
    api: FakeApiServer, hands: Applier, uid: str
) -> None:
    api.remove(kinds.ROLLOUT_DECISION, NAMESPACE, "churn-1")
    api.insert(kinds.ROLLOUT_DECISION, DECISION)
    assert await run(hands, answer(uid)) == ApplyOutcome(done=0, retry=True)
    assert said(api) == {}


async def test_one_that_cannot_be_written_holds_nothing_up(api: FakeApiServer, hands: Applier) -> None:
    outcome = await run(hands, answer("u"), actions.Create(objects.service()))
    assert outcome == ApplyOutcome(done=0, retry=True)
    assert api.look(kinds.SERVICE, NAMESPACE, "churn") is not None


async def test_a_long_one_is_cut_to_what_the_server_takes(
    api: FakeApiServer, hands: Applier, uid: str
) -> None:
    """It quotes the sentence of a rejection, which may be as long as a sentence can be."""
    assert await run(hands, answer(uid, "x" * (status_fields.SENTENCE + 1))) == ApplyOutcome(done=1)
    assert said(api)["message"] == "x" * (status_fields.SENTENCE - 1) + ELLIPSIS
