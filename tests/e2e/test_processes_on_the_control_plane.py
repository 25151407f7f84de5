"""Operator processes that start, stand by, freeze, are killed and restart, on a real API server."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from seatrial.api import kinds, names, objects
from tests.bench import machine
from tests.e2e.conftest import Start
from tests.live import install
from tests.live.cluster_user import ClusterUser, phase_is, spec
from tests.live.operator_process import OperatorProcess

pytestmark = pytest.mark.controlplane

LEASE_DURATION = 15.0
"""Seconds."""
OBJECTS = int(os.environ.get("SEATRIAL_TEST_OBJECTS", "200"))
AT_ONCE = 10
"""Requests that the test has under way: a busy machine would not accept hundreds of connections in time."""
LONG = [{"weight": 50, "hold": "1h"}]


@pytest.fixture
async def namespaced_operator(user: ClusterUser, start: Start) -> OperatorProcess:
    """Run an operator that watches only the namespace of this test."""
    operator = start("--namespace", user.namespace)
    await operator.working()
    return operator


async def replicas(user: ClusterUser, start: Start) -> tuple[OperatorProcess, OperatorProcess]:
    """Start a leader and a standby."""
    arguments = ("--namespace", user.namespace, "--lease-namespace", user.namespace)
    leader = start(*arguments)
    await leader.working()
    standby = start(*arguments)
    await standby.standing_by()
    return leader, standby


async def settled_versions(
    user: ClusterUser, *, seconds: float = 2.0, patience: float = 90.0
) -> dict[str, str]:
    """Return the versions once they have not changed for `seconds`; controllers write later than operators."""
    end, before = time.monotonic() + patience, dict[str, str]()
    while before != (now := await versions(user)):
        assert time.monotonic() < end, "the objects keep changing"
        before = now
        await asyncio.sleep(seconds)
    return before


async def versions(user: ClusterUser) -> dict[str, str]:
    """Return uid and resourceVersion of the objects and all their children."""
    written = (kinds.MODEL_DEPLOYMENT, kinds.DEPLOYMENT, kinds.SERVICE, kinds.CONTROLLER_REVISION)
    found = [body for kind in written for body in await user.all(kind)]
    return {objects.uid_of(body): objects.version_of(body) for body in found}


@pytest.mark.slow
async def test_standby_takes_over_from_a_killed_leader(user: ClusterUser, start: Start) -> None:
    leader, standby = await replicas(user, start)
    await user.apply("churn", spec(1))
    await user.healthy("churn", 1)
    assert await leader.writes() > 0
    assert await standby.writes() == 0
    leader.kill()
    killed_at = time.monotonic()
    await standby.working()
    assert time.monotonic() - killed_at < LEASE_DURATION + 8, (
        "the lease duration, two retries and a busy machine"
    )
    await user.apply("churn", spec(2))
    await user.healthy("churn", 2)
    assert await standby.writes() > 0


@pytest.mark.slow
async def test_frozen_leader_exits_without_writing_after_its_lease_expired(
    user: ClusterUser, start: Start
) -> None:
    leader, _standby = await replicas(user, start)
    await user.apply("churn", spec(1))
    await user.healthy("churn", 1)
    leader.freeze()
    await user.apply("churn", spec(2))
    await user.healthy("churn", 2)
    await user.apply("more", spec(1, steps=[]))
    await user.healthy("more", 1)
    await user.until_left(kinds.DEPLOYMENT, "churn", count=1)
    before = await settled_versions(user)
    leader.thaw()
    assert await leader.ended() == 1
    assert await versions(user) == before


async def test_terminated_leader_releases_the_lease(user: ClusterUser, start: Start) -> None:
    leader, standby = await replicas(user, start)
    assert await leader.stop() == 0
    stopped_at = time.monotonic()
    await standby.working()
    assert time.monotonic() - stopped_at < LEASE_DURATION - 3, (
        "the standby did not wait for the lease to expire"
    )


@pytest.mark.slow
async def test_restart_with_many_healthy_objects_writes_nothing(
    user: ClusterUser, namespaced_operator: OperatorProcess, start: Start
) -> None:
    names_of_objects = [f"m-{number}" for number in range(OBJECTS)]
    at_once = asyncio.Semaphore(AT_ONCE)

    async def apply(name: str) -> None:
        async with at_once:
            await user.apply(name, spec(1))

    await asyncio.gather(*(apply(name) for name in names_of_objects))
    for name in names_of_objects:
        await user.healthy(name, 1, patience=180)
    await settled_versions(user)
    assert await namespaced_operator.stop() == 0
    before = await settled_versions(user)
    restarted = start("--namespace", user.namespace)
    await restarted.working()
    cpu_before = machine.cpu_seconds(restarted.pid)
    await restarted.passed_over(OBJECTS)
    # CPU time instead of wall-clock time, because other tests run on the same machine
    assert machine.cpu_seconds(restarted.pid) - cpu_before < 4
    await restarted.nothing_waits(seconds=1)
    assert await restarted.writes() == 0
    assert await versions(user) == before


async def test_deleted_namespace_causes_no_hot_loop(
    user: ClusterUser, namespaced_operator: OperatorProcess
) -> None:
    await user.apply("churn", spec(1))
    await user.healthy("churn", 1)
    await user.apply("churn", spec(2, steps=LONG))
    await user.until("churn", phase_is("Canary"))
    passes, writes = (
        await namespaced_operator.total("seatrial_reconcile_total"),
        await namespaced_operator.writes(),
    )
    await user.client.delete(kinds.NAMESPACE, "", user.namespace)
    await user.until_gone(kinds.NAMESPACE, user.namespace, patience=240)
    await namespaced_operator.nothing_waits(seconds=1)
    assert await namespaced_operator.total("seatrial_reconcile_total") - passes < 40
    assert await namespaced_operator.writes() - writes < 20
    assert "this is a bug" not in namespaced_operator.log_text()


async def test_operator_does_not_start_with_an_older_crd(
    user: ClusterUser, start: Start, mark_crd_as_older: Callable[[], Any]
) -> None:
    mark_crd_as_older()
    operator = start("--namespace", user.namespace)
    assert await operator.ended() == 1
    assert "operator cannot start" in operator.log_text()
    assert "has schema version 0, expected" in operator.log_text()
    assert "kubectl apply --server-side --force-conflicts -f crds/" in operator.log_text()


@pytest.fixture
def mark_crd_as_older(kubeconfig: Any) -> Any:
    """Return a function that annotates the cluster's CRD as that of an older operator."""
    from tests.cluster import kubectl

    def annotate() -> None:
        annotation = f"{names.ANNOTATION_SCHEMA_VERSION}=0"
        kubectl.run(kubeconfig, "annotate", "--overwrite", f"crd/{install.CRDS[0]}", annotation)

    yield annotate
    install.crds(kubeconfig)
