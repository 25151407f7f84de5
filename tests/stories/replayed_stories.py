"""Four whole stories that are played again and again, each time with another misfortune on the way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from seatrial.api import kinds, names
from seatrial.api.objects import Body
from tests.apiserver.pod_behaviour import Behaviour, Fault, Serving, image_of
from tests.stories.specs import QUICK, built, spec
from tests.stories.world import NAME, NAMESPACE, World, play

QUIET = 60.0


@dataclass(frozen=True)
class End:
    """What a story leaves behind, times apart."""

    phase: str
    stable: str
    outcomes: tuple[tuple[str, str, str], ...]
    rejected: tuple[tuple[str, str, int], ...]
    selector: tuple[tuple[str, str], ...]
    deployments: tuple[tuple[str, int], ...]
    answers: tuple[str, ...]
    jobs: int


def end_of(world: World) -> End:
    """What there is now."""
    body = world.server.look(kinds.MODEL_DEPLOYMENT, NAMESPACE, NAME) or {}
    status = body.get("status") or {}
    service = world.server.look(kinds.SERVICE, NAMESPACE, NAME) or {}
    decisions = world.server.all(kinds.ROLLOUT_DECISION, NAMESPACE)
    return End(
        phase=status["phase"],
        stable=status["stable"]["revision"],
        outcomes=tuple((h["revision"], h["outcome"], h["reason"]) for h in status.get("history", [])),
        rejected=tuple((r["revision"], r["reason"], r["attempt"]) for r in status.get("rejected", [])),
        selector=tuple(sorted(service["spec"]["selector"].items())),
        deployments=tuple(
            (d["metadata"]["name"], d["spec"]["replicas"])
            for d in world.server.all(kinds.DEPLOYMENT, NAMESPACE)
            if names.LABEL_DEPLOYMENT in d["metadata"]["labels"]
        ),
        answers=tuple(sorted(d.get("status", {}).get("phase", "") for d in decisions)),
        jobs=len(world.server.all(kinds.JOB, NAMESPACE)),
    )


def _spec(version: str) -> Body:
    return spec(version, steps=QUICK)


async def takes_over(world: World) -> None:
    """A built model goes live, a better one takes its steps and is promoted."""
    await world.apply({**built("1"), "rollout": {"steps": QUICK}})
    await world.phase("Healthy")
    await world.apply({**built("2"), "rollout": {"steps": QUICK}})
    await world.phase("Healthy")


async def goes_back(world: World) -> None:
    """A canary dies under its users and is rejected."""
    await world.apply(_spec("v1"))
    await world.phase("Healthy")
    revision = (await world.shifting(_spec("v2")))["canary"]["revision"]
    for pod in world.server.all(kinds.POD, NAMESPACE):
        if pod["metadata"]["labels"].get(names.LABEL_REVISION) == revision:
            world.cluster.kubelet.restart(NAMESPACE, pod["metadata"]["name"])
    await world.phase("Degraded")


async def is_overtaken(world: World) -> None:
    """A third version comes while the second takes its steps."""
    await world.apply(_spec("v1"))
    await world.phase("Healthy")
    await world.shifting(_spec("v2"))
    await world.apply(_spec("v3"))
    await world.phase("Healthy")


async def is_tried_again(world: World) -> None:
    """The second version crashes, is mended from outside and tried again by a person."""
    await world.trust_decisions()
    await world.apply(_spec("v1"))
    await world.phase("Healthy")
    await world.apply(_spec("v2"))
    rejected = (await world.phase("Degraded"))["rejected"][0]["revision"]
    world.cluster.kubelet.serving = lambda _pod: Behaviour()
    await world.decide("Retry", revision=rejected, attempt=1)
    await world.promoted(rejected)


def _crashing_v2(pod: Body) -> Behaviour:
    return Behaviour(fault=Fault.CRASH_LOOP) if "/v2@" in image_of(pod) else Behaviour()


def _all_well(_pod: Body) -> Behaviour:
    return Behaviour()


Script = Callable[[World], Awaitable[None]]
WHOLES: dict[str, tuple[Script, Serving]] = {
    "takes over": (takes_over, _all_well),
    "goes back": (goes_back, _all_well),
    "is overtaken": (is_overtaken, _all_well),
    "is tried again": (is_tried_again, _crashing_v2),
}


@dataclass
class Played:
    """How a whole story ended, and how many writes it took."""

    end: End
    writes: int


def played(name: str, misfortune: Callable[[World], None] = lambda _world: None) -> Played:
    """The whole story of this name, with a misfortune prepared at its beginning; a dead operator is replaced."""
    script, serving = WHOLES[name]
    ends: list[Played] = []

    async def story(world: World) -> None:
        misfortune(world)
        line = world.line
        nurse = asyncio.create_task(_revive(world))
        await script(world)
        await world.rest(quiet=QUIET)
        ends.append(Played(end_of(world), len(line.writes)))
        nurse.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await nurse

    play(story, serving=serving, rests=False)
    return ends[0]


async def _revive(world: World) -> None:
    """A second after an operator has died another one begins."""
    while True:
        await world.wait(1)
        if world.line.dead:
            await world.restart_operator()
