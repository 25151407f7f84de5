"""The operator is killed before every single write of a rollout on a real API server: the end is the same."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any, Final

import pytest

from seatrial.api import kinds, names
from tests.e2e.conftest import Start
from tests.live import crashing_operator, user_actions
from tests.live.operator_process import OperatorProcess
from tests.live.user_actions import Hands, spec

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

LINES: Final = 4
"""Operators that are killed side by side, each with objects of its own."""
FEWEST_WRITES: Final = 15
PATIENCE: Final = 240.0


async def rollout(hands: Hands, name: str) -> None:
    """A first deploy and a canary, whoever dies meanwhile."""
    await hands.apply(name, spec(1))
    await hands.healthy(name, 1, patience=PATIENCE)
    await hands.apply(name, spec(2))
    await hands.healthy(name, 2, patience=PATIENCE)
    await hands.until_left(kinds.DEPLOYMENT, name, count=1, patience=PATIENCE)


async def end_at_rest(hands: Hands, name: str) -> dict[str, Any]:
    """How it ended, once that has been the same for a second: the last writes follow the old pods' end."""
    before: dict[str, Any] = {}
    while before != (now := await end_of(hands, name)):
        before = now
        await asyncio.sleep(1.0)
    return before


async def end_of(hands: Hands, name: str) -> dict[str, Any]:
    """All that must be the same, whatever happened on the way."""
    status = (await hands.get(name))["status"]
    revision = status["stable"]["revision"]
    (deployment,) = await hands.all(kinds.DEPLOYMENT, name)
    (service,) = await hands.all(kinds.SERVICE, name)
    kept = await hands.all(kinds.CONTROLLER_REVISION, name)
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
        "revisions kept": len(kept),
    }


class Crashes:
    """One line of operators, each killed later in the life of its object than the one before."""

    def __init__(self, hands: Hands, start: Start, first: int) -> None:
        self._hands = hands
        self._start = start
        self._first = first
        self._rollouts: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> dict[int, dict[str, Any]]:
        """Number of the write that was not sent → how that rollout ended; the last was not disturbed."""
        for number in itertools.count(self._first, LINES):
            name = self._name(number)
            more = {crashing_operator.NAME: name, crashing_operator.NUMBER: str(number)}
            process = self._start(
                "--namespace", self._hands.namespace, command="tests.live.crashing_operator", more=more
            )
            self._rollouts[number] = asyncio.create_task(rollout(self._hands, name))
            if not await self._dies(process, self._rollouts[number]):
                break
        await asyncio.gather(*self._rollouts.values())
        return {number: await end_at_rest(self._hands, self._name(number)) for number in self._rollouts}

    def _name(self, number: int) -> str:
        return f"crash-{self._first}-{number}"

    async def _dies(self, process: OperatorProcess, whole: asyncio.Task[Any]) -> bool:
        """Whether the process died before its rollout was over."""
        dead = asyncio.create_task(process.ended(patience=2 * PATIENCE))
        await asyncio.wait({dead, whole}, return_when=asyncio.FIRST_COMPLETED)
        return dead.done() or not dead.cancel()


async def line(kubeconfig: Path, start: Start, first: int) -> dict[int, dict[str, Any]]:
    """One line, in a namespace of its own."""
    async with user_actions.hands(kubeconfig) as hands:
        return await Crashes(hands, start, first).run()


async def test_crash_before_any_write_does_not_change_the_final_state(kubeconfig: Path, start: Start) -> None:
    ends: dict[int, dict[str, Any]] = {}
    for found in await asyncio.gather(*(line(kubeconfig, start, n) for n in range(1, LINES + 1))):
        ends |= found
    assert max(ends) > FEWEST_WRITES
    undisturbed = ends[max(ends)]
    assert undisturbed["conditions"]["Ready"] == "True"
    for number, end in sorted(ends.items()):
        assert end == undisturbed, f"killed before write {number}"
