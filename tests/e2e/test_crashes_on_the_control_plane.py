"""A crash of the operator before any write of a rollout does not change its final state, on a real API server."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any, Final

import pytest

from seatrial.api import kinds, names
from tests.e2e.conftest import Start
from tests.live import cluster_user, crashing_operator
from tests.live.cluster_user import ClusterUser, spec
from tests.live.operator_process import OperatorProcess

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

PARALLEL_SERIES: Final = 4
"""Series of crashing operators that run in parallel, each with its own objects."""
MINIMUM_WRITES: Final = 15
PATIENCE: Final = 240.0


async def rollout(user: ClusterUser, name: str) -> None:
    """Roll out a first version and a canary, while operators crash."""
    await user.apply(name, spec(1))
    await user.healthy(name, 1, patience=PATIENCE)
    await user.apply(name, spec(2))
    await user.healthy(name, 2, patience=PATIENCE)
    await user.until_left(kinds.DEPLOYMENT, name, count=1, patience=PATIENCE)


async def settled_state(user: ClusterUser, name: str) -> dict[str, Any]:
    """Return the final state once it has not changed for a second: the last writes follow the end of the old pods."""
    before: dict[str, Any] = {}
    while before != (now := await state_of(user, name)):
        before = now
        await asyncio.sleep(1.0)
    return before


async def state_of(user: ClusterUser, name: str) -> dict[str, Any]:
    """Return everything that must be the same after every crash."""
    status = (await user.get(name))["status"]
    revision = status["stable"]["revision"]
    (deployment,) = await user.all(kinds.DEPLOYMENT, name)
    (service,) = await user.all(kinds.SERVICE, name)
    revisions = await user.all(kinds.CONTROLLER_REVISION, name)
    return {
        "image": status["stable"]["image"],
        "phase": status["phase"],
        "history": [(entry["outcome"], entry["image"]) for entry in status["history"]],
        "rejected": status.get("rejected", []),
        "canary": status.get("canary"),
        "conditions": {c["type"]: c["status"] for c in status["conditions"]},
        "deployment is stable's": deployment["metadata"]["name"] == f"{name}-{revision}",
        "replicas": (deployment["spec"]["replicas"], deployment["status"]["availableReplicas"]),
        "service is stable's": service["spec"]["selector"][names.LABEL_REVISION] == revision,
        "stable is named": service["metadata"]["labels"][names.LABEL_STABLE] == revision,
        "revisions kept": len(revisions),
    }


class CrashSeries:
    """A series of operators, each of which crashes at a later write of its object's rollout."""

    def __init__(self, user: ClusterUser, start: Start, first: int) -> None:
        self._user = user
        self._start = start
        self._first = first
        self._rollouts: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> dict[int, dict[str, Any]]:
        """Return the number of the write before each crash → the final state; the last operator did not crash."""
        for number in itertools.count(self._first, PARALLEL_SERIES):
            name = self._name(number)
            more = {
                crashing_operator.OBJECT_VARIABLE: name,
                crashing_operator.WRITE_VARIABLE: str(number),
            }
            process = self._start(
                "--namespace", self._user.namespace, command="tests.live.crashing_operator", more=more
            )
            self._rollouts[number] = asyncio.create_task(rollout(self._user, name))
            if not await self._crashes(process, self._rollouts[number]):
                break
        await asyncio.gather(*self._rollouts.values())
        return {number: await settled_state(self._user, self._name(number)) for number in self._rollouts}

    def _name(self, number: int) -> str:
        return f"crash-{self._first}-{number}"

    async def _crashes(self, process: OperatorProcess, rollout_task: asyncio.Task[Any]) -> bool:
        """Return whether the process crashed before its rollout had ended."""
        exit_task = asyncio.create_task(process.ended(patience=2 * PATIENCE))
        await asyncio.wait({exit_task, rollout_task}, return_when=asyncio.FIRST_COMPLETED)
        return exit_task.done() or not exit_task.cancel()


async def crash_series(kubeconfig: Path, start: Start, first: int) -> dict[int, dict[str, Any]]:
    """Run one series in a namespace of its own."""
    async with cluster_user.connect(kubeconfig) as user:
        return await CrashSeries(user, start, first).run()


async def test_crash_before_any_write_does_not_change_the_final_state(kubeconfig: Path, start: Start) -> None:
    states: dict[int, dict[str, Any]] = {}
    for series in await asyncio.gather(
        *(crash_series(kubeconfig, start, n) for n in range(1, PARALLEL_SERIES + 1))
    ):
        states |= series
    assert max(states) > MINIMUM_WRITES
    expected = states[max(states)]
    assert expected["conditions"]["Ready"] == "True"
    for number, state in sorted(states.items()):
        assert state == expected, f"crashed before write {number}"
