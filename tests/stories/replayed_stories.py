"""Four complete rollouts that are replayed many times, each time with another failure injected."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from seatrial.api import kinds, names
from seatrial.api.objects import Body
from tests.apiserver.pod_behaviour import Behaviour, Fault, Serving, image_of
from tests.stories.specs import SHORT_STEPS, spec, spec_to_build
from tests.stories.world import NAME, NAMESPACE, World, run_story

QUIET_SECONDS = 60.0


@dataclass(frozen=True)
class FinalState:
    """Everything a rollout leaves behind except times."""

    phase: str
    stable: str
    outcomes: tuple[tuple[str, str, str], ...]
    rejected: tuple[tuple[str, str, int], ...]
    selector: tuple[tuple[str, str], ...]
    deployments: tuple[tuple[str, int], ...]
    decision_phases: tuple[str, ...]
    jobs: int


def final_state(world: World) -> FinalState:
    """Return the state of the story's ModelDeployment and its children."""
    body = world.server.look(kinds.MODEL_DEPLOYMENT, NAMESPACE, NAME) or {}
    status = body.get("status") or {}
    service = world.server.look(kinds.SERVICE, NAMESPACE, NAME) or {}
    decisions = world.server.all(kinds.ROLLOUT_DECISION, NAMESPACE)
    return FinalState(
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
        decision_phases=tuple(sorted(d.get("status", {}).get("phase", "") for d in decisions)),
        jobs=len(world.server.all(kinds.JOB, NAMESPACE)),
    )


def _spec(version: str) -> Body:
    return spec(version, steps=SHORT_STEPS)


async def build_and_promote(world: World) -> None:
    """Deploy a built model, then promote a second one through its steps."""
    await world.apply({**spec_to_build("1"), "rollout": {"steps": SHORT_STEPS}})
    await world.wait_for_phase("Healthy")
    await world.apply({**spec_to_build("2"), "rollout": {"steps": SHORT_STEPS}})
    await world.wait_for_phase("Healthy")


async def roll_back(world: World) -> None:
    """Restart the canary's pods while it receives traffic, so that it is rejected."""
    await world.apply(_spec("v1"))
    await world.wait_for_phase("Healthy")
    revision = (await world.start_canary(_spec("v2")))["canary"]["revision"]
    for pod in world.server.all(kinds.POD, NAMESPACE):
        if pod["metadata"]["labels"].get(names.LABEL_REVISION) == revision:
            world.cluster.kubelet.restart(NAMESPACE, pod["metadata"]["name"])
    await world.wait_for_phase("Rejected")


async def supersede(world: World) -> None:
    """Apply a third version while the second one takes its steps."""
    await world.apply(_spec("v1"))
    await world.wait_for_phase("Healthy")
    await world.start_canary(_spec("v2"))
    await world.apply(_spec("v3"))
    await world.wait_for_phase("Healthy")


async def retry(world: World) -> None:
    """Reject a crashing second version, repair its pods and retry it with a RolloutDecision."""
    await world.install_decision_policy()
    await world.apply(_spec("v1"))
    await world.wait_for_phase("Healthy")
    await world.apply(_spec("v2"))
    rejected = (await world.wait_for_phase("Rejected"))["rejected"][0]["revision"]
    world.cluster.kubelet.serving = lambda _pod: Behaviour()
    await world.decide("Retry", revision=rejected, attempt=1)
    await world.wait_for_promotion(rejected)


def _crashing_v2(pod: Body) -> Behaviour:
    return Behaviour(fault=Fault.CRASH_LOOP) if "/v2@" in image_of(pod) else Behaviour()


def _ready(_pod: Body) -> Behaviour:
    return Behaviour()


Script = Callable[[World], Awaitable[None]]
REPLAYED_STORIES: dict[str, tuple[Script, Serving]] = {
    "build and promote": (build_and_promote, _ready),
    "roll back": (roll_back, _ready),
    "supersede": (supersede, _ready),
    "retry": (retry, _crashing_v2),
}


@dataclass
class Replay:
    """How a replayed story ended, and how many writes it took."""

    final_state: FinalState
    writes: int


def replay(name: str, inject_failure: Callable[[World], None] = lambda _world: None) -> Replay:
    """Replay the story of this name with a failure injected at its beginning; restart an operator that crashed."""
    script, serving = REPLAYED_STORIES[name]
    replays: list[Replay] = []

    async def story(world: World) -> None:
        inject_failure(world)
        transport = world.transport
        restarter = asyncio.create_task(_restart_crashed_operator(world))
        await script(world)
        await world.wait_until_idle(quiet=QUIET_SECONDS)
        replays.append(Replay(final_state(world), len(transport.writes)))
        restarter.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await restarter

    run_story(story, serving=serving, ends_idle=False)
    return replays[0]


async def _restart_crashed_operator(world: World) -> None:
    """Start another operator within a second after the last one crashed."""
    while True:
        await world.wait(1)
        if world.transport.crashed:
            await world.restart_operator()
