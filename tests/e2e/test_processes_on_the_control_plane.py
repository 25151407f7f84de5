"""Operators that start, stand by, freeze, are killed and come back, on a real API server."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from seatrial.api import names
from seatrial.kube import bodies, kinds
from tests.bench import machine
from tests.e2e.conftest import Start
from tests.live import install
from tests.live.hands import Hands, phase_is, spec
from tests.live.process import OperatorProcess

pytestmark = pytest.mark.controlplane

LEASE = 15.0
"""Seconds for which a leader's word holds."""
OBJECTS = int(os.environ.get("SEATRIAL_TEST_OBJECTS", "200"))
AT_ONCE = 10
"""Requests that the test has under way: a busy machine would not accept hundreds of connections in time."""
LONG = [{"weight": 50, "hold": "1h"}]


@pytest.fixture
async def alone(hands: Hands, start: Start) -> OperatorProcess:
    """An operator that looks after the namespace of this test and nothing else."""
    operator = start("--namespace", hands.namespace)
    await operator.working()
    return operator


async def replicas(hands: Hands, start: Start) -> tuple[OperatorProcess, OperatorProcess]:
    """A leader, and one who stands by."""
    both = ("--namespace", hands.namespace, "--lease-namespace", hands.namespace)
    leader = start(*both)
    await leader.working()
    other = start(*both)
    await other.standing_by()
    return leader, other


async def at_rest(hands: Hands, *, seconds: float = 2.0, patience: float = 90.0) -> dict[str, str]:
    """The children, once nobody has written into any of them for so long: controllers write later than operators."""
    end, before = time.monotonic() + patience, dict[str, str]()
    while before != (now := await children(hands)):
        assert time.monotonic() < end, "somebody writes without end"
        before = now
        await asyncio.sleep(seconds)
    return before


async def children(hands: Hands) -> dict[str, str]:
    """Uid and resourceVersion of the object and all its children."""
    written = (kinds.MODEL_DEPLOYMENT, kinds.DEPLOYMENT, kinds.SERVICE, kinds.CONTROLLER_REVISION)
    found = [body for kind in written for body in await hands.all(kind)]
    return {bodies.uid_of(body): bodies.version_of(body) for body in found}


@pytest.mark.slow
async def test_who_stands_by_takes_over_from_a_leader_that_is_killed(hands: Hands, start: Start) -> None:
    leader, other = await replicas(hands, start)
    await hands.apply("churn", spec(1))
    await hands.healthy("churn", 1)
    assert await leader.writes() > 0
    assert await other.writes() == 0
    leader.kill()
    killed_at = time.monotonic()
    await other.working()
    assert time.monotonic() - killed_at < LEASE + 8, "the lease, two looks at it, and a busy machine"
    await hands.apply("churn", spec(2))
    await hands.healthy("churn", 2)
    assert await other.writes() > 0


@pytest.mark.slow
async def test_a_leader_that_stood_still_too_long_writes_nothing_and_ends(hands: Hands, start: Start) -> None:
    leader, _other = await replicas(hands, start)
    await hands.apply("churn", spec(1))
    await hands.healthy("churn", 1)
    leader.freeze()
    await hands.apply("churn", spec(2))
    await hands.healthy("churn", 2)
    await hands.apply("more", spec(1, steps=[]))
    await hands.healthy("more", 1)
    await hands.until_left(kinds.DEPLOYMENT, "churn", count=1)
    before = await at_rest(hands)
    leader.thaw()
    assert await leader.ended() == 1
    assert await children(hands) == before


async def test_a_leader_that_is_told_to_end_gives_the_lease_back(hands: Hands, start: Start) -> None:
    leader, other = await replicas(hands, start)
    assert await leader.stop() == 0
    told_at = time.monotonic()
    await other.working()
    assert time.monotonic() - told_at < LEASE - 3, "it did not wait for the lease to run out"


@pytest.mark.slow
async def test_a_restart_with_many_objects_at_rest_writes_nothing(
    hands: Hands, alone: OperatorProcess, start: Start
) -> None:
    many = [f"m-{number}" for number in range(OBJECTS)]
    at_once = asyncio.Semaphore(AT_ONCE)

    async def apply(name: str) -> None:
        async with at_once:
            await hands.apply(name, spec(1))

    await asyncio.gather(*(apply(name) for name in many))
    for name in many:
        await hands.healthy(name, 1, patience=180)
    await at_rest(hands)
    assert await alone.stop() == 0
    before = await at_rest(hands)
    again = start("--namespace", hands.namespace)
    await again.working()
    began = machine.cpu_seconds(again.pid)
    await again.passed_over(OBJECTS)
    # of the processor, not of the wall: on a machine of its own that is the same
    assert machine.cpu_seconds(again.pid) - began < 4
    await again.nothing_waits(seconds=1)
    assert await again.writes() == 0
    assert await children(hands) == before


async def test_a_namespace_that_goes_away_is_no_hot_loop(hands: Hands, alone: OperatorProcess) -> None:
    await hands.apply("churn", spec(1))
    await hands.healthy("churn", 1)
    await hands.apply("churn", spec(2, steps=LONG))
    await hands.until("churn", phase_is("Canary"))
    passes, writes = await alone.total("seatrial_reconcile_total"), await alone.writes()
    await hands.client.delete(kinds.NAMESPACE, "", hands.namespace)
    await hands.until_gone(kinds.NAMESPACE, hands.namespace, patience=240)
    await alone.nothing_waits(seconds=1)
    assert await alone.total("seatrial_reconcile_total") - passes < 40
    assert await alone.writes() - writes < 20
    assert "this is a bug" not in alone.said()


async def test_it_does_not_start_on_an_older_schema(
    hands: Hands, start: Start, older: Callable[[], Any]
) -> None:
    older()
    operator = start("--namespace", hands.namespace)
    assert await operator.ended() == 1
    assert "the operator does not start" in operator.said()
    assert "has schema version 0, this operator needs" in operator.said()
    assert "kubectl apply --server-side --force-conflicts -f crds/" in operator.said()


@pytest.fixture
def older(kubeconfig: Any) -> Any:
    """Makes the cluster's CRD one of an older operator, until the test is over."""
    from tests.cluster import kubectl

    def annotate() -> None:
        note = f"{names.ANNOTATION_SCHEMA_VERSION}=0"
        kubectl.run(kubeconfig, "annotate", "--overwrite", f"crd/{install.CRDS[0]}", note)

    yield annotate
    install.crds(kubeconfig)
