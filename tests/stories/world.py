"""A cluster in one process with a clock of its own, an operator in it, and the hands that stories need."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import looptime

from seatrial import main, options
from seatrial.api import keys, names
from seatrial.kube import kinds
from seatrial.kube.bodies import Body
from seatrial.kube.client import Client
from seatrial.kube.fake import behaviours
from seatrial.kube.fake.behaviours import Behaviour, BuildBehaviour, Building, Serving
from seatrial.kube.fake.controllers import ControllerManager
from seatrial.kube.fake.server import FakeApiServer
from seatrial.kube.limiter import Limiter
from tests.stories import invariants
from tests.stories.line import Line
from tests.stories.process import Process
from tests.stories.specs import SETTINGS, failing_build, good_builds, image, spec

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
NAMESPACE = "shop"
NAME = "churn"
QUIET = 330.0
"""Seconds without a write after which an operator counts as at rest: longer than any of its back-offs."""


class World:
    """One story's cluster; `now` is the loop's time from 12:00 on."""

    def __init__(self, *, serving: Serving, building: Building) -> None:
        loop = asyncio.get_running_loop()
        self.now: Callable[[], datetime] = lambda: START + timedelta(seconds=loop.time())
        self.server = FakeApiServer(self.now, namespaces=(NAMESPACE, "seatrial-system"))
        self.cluster = ControllerManager(self.server, serving=serving, building=building)
        self.client = Client(self.server, Limiter(loop.time), lambda: True)
        self.settings = SETTINGS
        self.watcher = invariants.Watcher(self.server)
        self.processes: list[Process] = []

    # the operator

    @property
    def operator(self) -> main.Operator:
        """The operator that was started last."""
        return self.processes[-1].operator

    @property
    def line(self) -> Line:
        """The line of the operator that was started last."""
        return self.processes[-1].line

    async def start_operator(self, *, line: Line | None = None, **chosen: Any) -> Process:
        """An operator process has begun to work."""
        line = line or Line(self.server, judge=self.watcher.judge)
        process = Process(self.server, line, options.Options(settings=self.settings, **chosen), self.now)
        self.processes.append(process)
        await process.start()
        return process

    async def kill_operator(self) -> None:
        """Every operator process is gone between two instructions."""
        for process in self.processes:
            await process.kill()
        self.processes = []

    async def restart_operator(self) -> Process:
        """The process is killed and another begins."""
        await self.kill_operator()
        return await self.start_operator()

    def _died(self) -> BaseException | None:
        return next((why for process in self.processes if (why := process.died())), None)

    async def wait(self, seconds: float) -> None:
        """So much time has passed."""
        await asyncio.sleep(seconds)

    async def rest(self, *, quiet: float = QUIET, seconds: float = 3600) -> None:
        """The operator has stopped writing, and a plan made now would do nothing; fails when it never does."""
        line, end = self.line, asyncio.get_running_loop().time() + seconds
        while True:
            before = len(line.writes)
            await self.wait(quiet)
            if len(line.writes) == before:
                break
            assert asyncio.get_running_loop().time() < end, f"it never rests: {line.writes[-8:]}"
        for body in await self.all(kinds.MODEL_DEPLOYMENT):
            left = await self.processes[-1].left_to_do(keys.Key(NAMESPACE, body["metadata"]["name"]))
            assert left == [], f"a second plan is not empty: {left}"

    async def pause_of_writes(self, *, quiet: float = 5.0) -> None:
        """For some seconds the operator has written nothing; it need not have ended."""
        while True:
            before = len(self.line.writes)
            await self.wait(quiet)
            if len(self.line.writes) == before:
                return

    # what users do

    async def apply(self, spec: Body, *, name: str = NAME, labels: Body | None = None) -> Body:
        """The object asks for this spec."""
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels or {}},
            "spec": spec,
        }
        return await self.client.apply(kinds.MODEL_DEPLOYMENT, body)

    async def decide(self, action: str, **spec: Any) -> Body:
        """Somebody has decided; the admission policy vouches for them."""
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.DECISION_KIND,
            "metadata": {"generateName": f"{NAME}-", "namespace": NAMESPACE},
            "spec": {"deployment": NAME, "action": action, "decidedBy": "jo@shop.io", **spec},
        }
        return await self.client.create(kinds.ROLLOUT_DECISION, body)

    async def answer(self, decision: Body, *, seconds: float = 60) -> Body:
        """What became of a decision: its status once it has one."""
        end = asyncio.get_running_loop().time() + seconds
        while True:
            status = await self.status_of(decision)
            if status:
                return status
            assert asyncio.get_running_loop().time() < end, "the decision was never answered"
            await self.wait(0.25)

    async def status_of(self, decision: Body) -> Body:
        """What became of a decision so far."""
        seen = await self.get(kinds.ROLLOUT_DECISION, decision["metadata"]["name"])
        return seen.get("status") or {}

    async def trust_decisions(self) -> None:
        """The chart's admission policy is in force."""
        binding = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": "seatrial-decisions"},
            "spec": {"policyName": "seatrial-decisions", "validationActions": ["Deny"]},
        }
        await self.client.create(kinds.VALIDATING_ADMISSION_POLICY_BINDING, binding)

    async def configure(self, name: str, data: Body, *, kind: kinds.Kind = kinds.CONFIG_MAP) -> None:
        """A ConfigMap or Secret has this content."""
        head = {"apiVersion": "v1", "kind": kind.kind, "metadata": {"name": name, "namespace": NAMESPACE}}
        await self.client.apply(kind, {**head, "data": data})

    # what users see

    async def status(self, name: str = NAME) -> Body:
        """The status as it is now."""
        body = await self.client.get(kinds.MODEL_DEPLOYMENT, NAMESPACE, name)
        status: Body = body.get("status") or {}
        return status

    async def lose_status(self) -> None:
        """Somebody has emptied the status, as a restored backup does."""
        body = await self.get(kinds.MODEL_DEPLOYMENT, NAME)
        await self.client.replace_status(kinds.MODEL_DEPLOYMENT, {**body, "status": {}})

    async def until(self, holds: Callable[[Body], Any], *, seconds: float = 3600, name: str = NAME) -> Body:
        """The first status for which `holds`; fails after `seconds` with the last one."""
        end = asyncio.get_running_loop().time() + seconds
        while True:
            status = (self.server.look(kinds.MODEL_DEPLOYMENT, NAMESPACE, name) or {}).get("status") or {}
            if (why := self._died()) is not None:
                raise AssertionError("the operator died") from why
            if _true(holds, status):
                return status
            if asyncio.get_running_loop().time() > end:
                raise AssertionError(
                    f"not within {seconds} s; last: {status.get('phase')}: {status.get('message')}"
                )
            await self.wait(0.25)

    async def phase(self, phase: str, *, seconds: float = 3600, name: str = NAME) -> Body:
        """The status once it is in this phase and speaks of the present spec."""
        return await self.until(
            lambda s: s["phase"] == phase and s["observedGeneration"] == self._generation(name),
            seconds=seconds,
            name=name,
        )

    async def live(self, spec: Body, *, seconds: float = 600, name: str = NAME) -> Body:
        """The status once this spec was applied and is served by all its pods."""
        await self.apply(spec, name=name)
        return await self.phase("Healthy", seconds=seconds, name=name)

    async def shifting(self, spec: Body, *, weight: int = 25) -> Body:
        """The status once this spec was applied and its canary has `weight` percent of the users."""
        await self.apply(spec)
        return await self.until(lambda s: s["canary"]["weight"] == weight, seconds=900)

    async def promoted(self, revision: str, *, seconds: float = 3600) -> Body:
        """The status once this revision is stable and healthy."""
        return await self.until(
            lambda s: s["stable"]["revision"] == revision and s["phase"] == "Healthy", seconds=seconds
        )

    def _generation(self, name: str) -> int:
        body = self.server.look(kinds.MODEL_DEPLOYMENT, NAMESPACE, name) or {}
        return int(body["metadata"]["generation"])

    async def all(self, kind: kinds.Kind) -> list[Body]:
        """All objects of a kind in the story's namespace."""
        return (await self.client.list(kind, NAMESPACE)).items

    async def get(self, kind: kinds.Kind, name: str) -> Body:
        """One object of the story's namespace."""
        return await self.client.get(kind, NAMESPACE, name)

    def pods_of(self, revision: str) -> set[str]:
        """The uids of the server pods of a revision, those that are ending left out."""
        return {
            pod["metadata"]["uid"]
            for pod in self.server.all(kinds.POD, NAMESPACE)
            if pod["metadata"]["labels"].get(names.LABEL_REVISION) == revision
            and names.LABEL_SERVER in pod["metadata"]["labels"]
            and not pod["metadata"].get("deletionTimestamp")
        }

    def replicas_of(self, revision: str) -> int | None:
        """The replicas that a revision's Deployment asks for; None without one."""
        body = self.server.look(kinds.DEPLOYMENT, NAMESPACE, f"{NAME}-{revision}")
        return None if body is None else int(body["spec"]["replicas"])

    def writes_since(self, mark: int) -> list[Any]:
        """Every write after `len(world.server.writes)` was `mark`, Events apart."""
        return [w for w in self.server.writes[mark:] if w.kind not in {"Event", "Lease"}]


def _true(holds: Callable[[Body], Any], status: Body) -> bool:
    try:
        return bool(holds(status))
    except (KeyError, IndexError, TypeError):
        return False


Story = Callable[[World], Awaitable[None]]


def play(
    story: Story,
    *,
    serving: Serving = behaviours.ready_pods,
    building: Building = good_builds,
    rests: bool = True,
) -> None:
    """The story has been played to its end in virtual time, no invariant was broken on the way, and it rests."""
    # nothing here waits for the outside, so no cycles are spent on a look for it before each move of the clock
    loop = looptime.new_event_loop(noop_cycles=0)
    try:
        loop.run_until_complete(_played(story, serving, building, rests=rests))
    finally:
        loop.close()


async def _played(story: Story, serving: Serving, building: Building, *, rests: bool) -> None:
    world = World(serving=serving, building=building)
    await world.start_operator()
    try:
        await story(world)
        if rests and world.processes:
            await world.rest()
    finally:
        await world.kill_operator()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
    world.watcher.check()


__all__ = ["Behaviour", "BuildBehaviour", "World", "failing_build", "image", "play", "spec"]
