"""Where the operator is measured: a control plane whose pods KWOK simulates, with a user and a timeline."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from seatrial.api import kinds
from tests import cluster
from tests.bench.timeline import Timeline, watched
from tests.live import cluster_user, install
from tests.live.cluster_user import ClusterUser
from tests.live.operator_process import OperatorProcess, total

WATCHED: Final = (
    kinds.MODEL_DEPLOYMENT,
    kinds.DEPLOYMENT,
    kinds.SERVICE,
    kinds.REPLICA_SET,
    kinds.ROLLOUT_DECISION,
)


LEFT_PATIENCE: Final = 240.0
"""Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is done: `paced` objects in turn, `gap` seconds apart; `burst` at once, `idle` seconds of rest."""

    paced: int = 60
    gap: float = 1.0
    burst: int = 1000
    crowded: int = 600
    """Objects at once beside a busy neighbour."""
    idle: float = 60.0
    several: int = 20
    """Objects for the figures of single steps."""
    undisturbed: str = "15s"
    """So long no pod of an aborted canary goes: the others are aborted meanwhile."""


QUICK: Final = Size(paced=20, gap=0.25, burst=100, crowded=60, idle=5.0, several=5, undisturbed="5s")


@dataclass(slots=True)
class Stage:
    """A lab with an operator that works, and a namespace that is watched."""

    lab: cluster.Lab
    user: ClusterUser
    timeline: Timeline
    operator: OperatorProcess
    logs: Path
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def restarted(self) -> OperatorProcess:
        """The operator was told to end, and another one has just been started."""
        assert await self.operator.stop() == 0, self.operator.log_text()[-2000:]
        self.operator = OperatorProcess(
            self.lab.kubeconfig, self.logs / f"operator-{next(self._numbers)}.log"
        )
        return self.operator

    async def quiet(self) -> None:
        """For a while the operator has made no pass."""
        before = -1.0
        while (now := await self.operator.total("seatrial_reconcile_total")) != before:
            before = now
            await self.operator.nothing_waits(seconds=2.0)


@asynccontextmanager
async def staged(lab: cluster.Lab) -> AsyncIterator[Stage]:
    """A stage on this lab, cleared afterwards."""
    install.crds(lab.kubeconfig)
    await _nobody_elses(lab)
    with install.decision_policy(lab.kubeconfig), tempfile.TemporaryDirectory() as folder:
        operator = OperatorProcess(lab.kubeconfig, Path(folder) / "operator.log")
        stage: Stage | None = None
        try:
            await operator.working()
            async with cluster_user.connect(lab.kubeconfig) as user, watched(user, *WATCHED) as timeline:
                stage = Stage(lab, user, timeline, operator, Path(folder))
                yield stage
        finally:
            await (stage.operator if stage else operator).stop()


async def _nobody_elses(lab: cluster.Lab) -> None:
    """No ModelDeployment is left of whoever had the lab before: the operator would look after it, and be counted."""
    async with (
        cluster_user.connect(lab.kubeconfig, namespace="default") as user,
        asyncio.timeout(LEFT_PATIENCE),
    ):
        while (await user.client.list(kinds.MODEL_DEPLOYMENT)).items:  # noqa: ASYNC110 - a namespace takes its time
            await asyncio.sleep(0.2)


def difference(before: dict[tuple[str, ...], float], after: dict[tuple[str, ...], float], name: str) -> float:
    """By how much all series of this name have grown."""
    return total(after, name) - total(before, name)
