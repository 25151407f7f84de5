"""A cluster in one process with a clock of its own, an operator in it, and the hands that stories need."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import looptime

from model_runtime import contract
from seatrial import handlers, main, options
from seatrial.api import names, settings
from seatrial.kube import informers, kinds
from seatrial.kube.bodies import Body
from seatrial.kube.client import Client
from seatrial.kube.fake import behaviours
from seatrial.kube.fake.behaviours import Behaviour, BuildBehaviour, Building, Serving
from seatrial.kube.fake.controllers import ControllerManager
from seatrial.kube.fake.server import FakeApiServer
from seatrial.kube.informers import Habits, Informer
from seatrial.kube.limiter import Limiter
from tests.stories import invariants

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
NAMESPACE = "shop"
NAME = "churn"
RUNTIMES = {name: f"registry.lab:5000/runtime-{name}@sha256:{'0' * 64}" for name in ("sklearn", "xgboost", "onnx")}
SETTINGS = settings.Settings.model_validate(
    {"runtimes": RUNTIMES, "registry": {"repository": "registry.lab:5000/models"}}
)


def image(version: str) -> str:
    """A given image of a version."""
    return f"registry.lab:5000/{version}@sha256:{version.encode().hex().ljust(64, '0')[:64]}"


def good_builds(pod: Body) -> BuildBehaviour:
    """Every build takes three seconds and succeeds with an image of its own."""
    request = contract.BuildRequest.from_json(
        behaviours.environment_of(pod)[contract.BUILD_REQUEST_VARIABLE]
    )
    report = contract.BuildReport(
        image=f"{request.repository}@sha256:{request.build_id.ljust(64, '0')}",
        model_digest="sha256:" + "1" * 64,
        format="skops",
    )
    return BuildBehaviour(seconds=3, message=report.to_json())


def failing_build(reason: str, message: str = "it does not work") -> Building:
    """Every build ends with this reason."""
    report = contract.BuildReport(reason=reason, message=message).to_json()
    return lambda _pod: BuildBehaviour(seconds=3, message=report, exit_code=1)


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
        self._tasks: list[asyncio.Task[Any]] = []
        self.operator: main.Operator | None = None

    # the operator

    async def start_operator(self) -> main.Operator:
        """An operator process has begun to work."""
        loop = asyncio.get_running_loop()
        clocks = main.Clocks(now=self.now, monotonic=loop.time)
        operator = main.build(
            options.Options(settings=self.settings), self.server, lost=asyncio.Event(), clocks=clocks
        )
        watch = Informer(
            operator.client,
            kinds.MODEL_DEPLOYMENT,
            lambda event, body: handlers.take(operator.known, operator.queue, event, body),
            habits=Habits(loop.time, trim=informers.without_managed_fields),
        )
        parts = [*(informer.run() for informer in operator.caches.informers), watch.run()]
        self._tasks = [asyncio.create_task(part) for part in parts]
        await watch.synced.wait()
        self._tasks.append(asyncio.create_task(main._work(operator)))  # noqa: SLF001 - the part below kopf
        self.operator = operator
        return operator

    async def kill_operator(self) -> None:
        """The process is gone between two instructions, as with kill -9."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks, self.operator = [], None

    def died(self) -> BaseException | None:
        """What ended a part of the operator, if anything did."""
        ended = [t for t in self._tasks if t.done() and not t.cancelled()]
        return next((t.exception() for t in ended if t.exception()), None)

    # what users do

    async def apply(self, spec: Body, *, name: str = NAME) -> Body:
        """The object asks for this spec."""
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "metadata": {"name": name, "namespace": NAMESPACE},
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

    async def trust_decisions(self) -> None:
        """The chart's admission policy is in force."""
        binding = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": "seatrial-decisions"},
            "spec": {"policyName": "seatrial-decisions", "validationActions": ["Deny"]},
        }
        await self.client.create(kinds.VALIDATING_ADMISSION_POLICY_BINDING, binding)

    # what users see

    async def status(self, name: str = NAME) -> Body:
        """The status as it is now."""
        body = await self.client.get(kinds.MODEL_DEPLOYMENT, NAMESPACE, name)
        status: Body = body.get("status") or {}
        return status

    async def until(self, holds: Callable[[Body], Any], *, seconds: float = 3600, name: str = NAME) -> Body:
        """The first status for which `holds`; fails after `seconds` with the last one."""
        end = asyncio.get_running_loop().time() + seconds
        while True:
            status = await self.status(name)
            if self.died() is not None:
                raise AssertionError("the operator died") from self.died()
            if _true(holds, status):
                return status
            if asyncio.get_running_loop().time() > end:
                raise AssertionError(f"not within {seconds} s; last: {status.get('phase')}: {status.get('message')}")
            await asyncio.sleep(0.25)

    async def phase(self, phase: str, *, seconds: float = 3600) -> Body:
        """The status once it is in this phase."""
        return await self.until(lambda s: s["phase"] == phase, seconds=seconds)

    async def promoted(self, revision: str, *, seconds: float = 3600) -> Body:
        """The status once this revision is stable and healthy."""
        return await self.until(
            lambda s: s["stable"]["revision"] == revision and s["phase"] == "Healthy", seconds=seconds
        )

    async def list(self, kind: kinds.Kind) -> list[Body]:
        """All objects of a kind in the story's namespace."""
        return (await self.client.list(kind, NAMESPACE)).items

    async def get(self, kind: kinds.Kind, name: str) -> Body:
        """One object of the story's namespace."""
        return await self.client.get(kind, NAMESPACE, name)

    def writes_since(self, mark: int) -> list[Any]:
        """Every write after `len(world.server.writes)` was `mark`, Events apart."""
        return [w for w in self.server.writes[mark:] if w.kind not in {"Event", "Lease"}]


def _true(holds: Callable[[Body], Any], status: Body) -> bool:
    try:
        return bool(holds(status))
    except (KeyError, IndexError, TypeError):
        return False


def play(
    story: Callable[[World], Awaitable[None]],
    *,
    serving: Serving = behaviours.ready_pods,
    building: Building = good_builds,
) -> None:
    """The story has been played to its end in virtual time, and no invariant was broken on the way."""
    loop = looptime.new_event_loop()
    try:
        loop.run_until_complete(_played(story, serving, building))
    finally:
        loop.close()


async def _played(story: Callable[[World], Awaitable[None]], serving: Serving, building: Building) -> None:
    world = World(serving=serving, building=building)
    await world.start_operator()
    try:
        await story(world)
    finally:
        await world.kill_operator()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
    world.watcher.check()


def spec(version: str = "v1", *, replicas: int = 3, **rollout: Any) -> Body:
    """A spec with a given image of `version`."""
    return {
        "model": {"image": image(version)},
        "scaling": {"replicas": replicas},
        "rollout": {
            "steps": [{"weight": 25, "hold": "1m"}, {"weight": 50, "hold": "1m"}],
            "progressDeadline": "5m",
            **rollout,
        },
    }


__all__ = ["Behaviour", "BuildBehaviour", "World", "failing_build", "image", "play", "spec"]
