"""What kopf's watch misses, a second one notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from seatrial.api import kinds, names
from seatrial.api.metadata import Key
from seatrial.api.objects import Body
from seatrial.kube.client import Client
from seatrial.kube.store import Known
from seatrial.kube.watchdog import Witness
from tests.apiserver import FakeApiServer
from tests.unit.kube.kube_watching import RUNNING, settle, start

pytestmark = pytest.mark.looptime

CHURN = Key("default", "churn")


def model() -> Body:
    """A ModelDeployment."""
    spec = {"model": {"image": "churn@sha256:" + "a" * 64}}
    head = {"name": CHURN.name, "namespace": CHURN.namespace}
    return {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": head, "spec": spec}


@pytest.fixture
def known() -> Known:
    return Known()


@pytest.fixture
def woken() -> list[Key]:
    return []


@pytest.fixture
async def witness(client: Client, known: Known, woken: list[Key]) -> AsyncIterator[Witness]:
    """The test starts it, and delivers what kopf would deliver."""
    seen = Witness(client, known, woken.append, clock=asyncio.get_running_loop().time)
    yield seen
    RUNNING.pop(seen.informer).cancel()


async def test_what_kopf_delivers_is_not_owed(api: FakeApiServer, witness: Witness, known: Known) -> None:
    start(witness.informer)
    known.take(api.insert(kinds.MODEL_DEPLOYMENT, model()))
    await settle(100)
    assert witness.behind() == 0


async def test_what_kopf_does_not_deliver_is_owed_until_it_does(
    api: FakeApiServer, witness: Witness, known: Known
) -> None:
    start(witness.informer)
    known.take(api.insert(kinds.MODEL_DEPLOYMENT, model()))
    await settle(10)
    api.edit(kinds.MODEL_DEPLOYMENT, CHURN.namespace, CHURN.name, patch={"spec": {"paused": True}})
    await settle(30)
    newest = api.edit(kinds.MODEL_DEPLOYMENT, CHURN.namespace, CHURN.name, patch={"spec": {"paused": False}})
    await settle(40)
    assert witness.behind() == pytest.approx(70)
    known.take(newest)
    assert witness.behind() == 0


async def test_a_kopf_that_lags_a_little_all_the_time_has_not_stalled(
    api: FakeApiServer, witness: Witness, known: Known
) -> None:
    start(witness.informer)
    known.take(api.insert(kinds.MODEL_DEPLOYMENT, model()))
    for number in range(100):
        edited = api.edit(
            kinds.MODEL_DEPLOYMENT, CHURN.namespace, CHURN.name, patch={"spec": {"paused": number % 2 == 0}}
        )
        await settle(1)
        known.take(edited)
    assert witness.behind() <= 1


async def test_a_deletion_that_kopf_missed_is_one(
    api: FakeApiServer, witness: Witness, known: Known, woken: list[Key]
) -> None:
    start(witness.informer)
    known.take(api.insert(kinds.MODEL_DEPLOYMENT, model()))
    await settle()
    api.remove(kinds.MODEL_DEPLOYMENT, CHURN.namespace, CHURN.name)
    await settle()
    assert (known.get(CHURN), woken, witness.behind()) == (None, [CHURN], 0)


async def test_what_was_seen_before_a_deletion_does_not_bring_it_back(
    api: FakeApiServer, witness: Witness, known: Known
) -> None:
    start(witness.informer)
    late = api.insert(kinds.MODEL_DEPLOYMENT, model())
    await settle()
    api.remove(kinds.MODEL_DEPLOYMENT, CHURN.namespace, CHURN.name)
    await settle()
    assert not known.take(late)
    assert known.take(api.insert(kinds.MODEL_DEPLOYMENT, model()))
    await settle()
    assert known.get(CHURN) is not None


async def test_it_has_caught_up_when_everything_of_the_first_list_is_known(
    api: FakeApiServer, witness: Witness, known: Known
) -> None:
    start(witness.informer)
    body = api.insert(kinds.MODEL_DEPLOYMENT, model())
    waiting = asyncio.create_task(witness.caught_up())
    await settle(20)
    assert not waiting.done()
    known.take(body)
    await settle()
    assert waiting.done()


async def test_of_nothing_everything_is_known(api: FakeApiServer, witness: Witness) -> None:
    start(witness.informer)
    await asyncio.wait_for(witness.caught_up(), timeout=5)
    assert api.requests
