"""A story's world: an in-process cluster with virtual time, an operator, and the actions of its users."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import looptime

from seatrial import options, wiring
from seatrial.api import kinds, names
from seatrial.api.metadata import Key
from seatrial.api.objects import Body
from seatrial.kube.client import Client
from seatrial.kube.limiter import Limiter
from tests.apiserver import pod_behaviour
from tests.apiserver.controller_manager import ControllerManager
from tests.apiserver.pod_behaviour import Behaviour, BuildBehaviour, Building, Serving
from tests.apiserver.server import FakeApiServer
from tests.stories import specs
from tests.stories.in_process_operator import InProcessOperator
from tests.stories.invariants import InvariantChecker
from tests.stories.operator_transport import OperatorTransport
from tests.stories.specs import SETTINGS, failing_builds, image, spec, successful_builds

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
NAMESPACE = "shop"
NAME = "churn"
QUIET_SECONDS = 330.0
"""Seconds without a write after which an operator is idle: longer than any of its back-offs."""


class World:
    """One story's cluster; `now` is 12:00 plus the loop's time, and `clock_offset`: everything is on one machine."""

    def __init__(self, *, serving: Serving, building: Building) -> None:
        loop = asyncio.get_running_loop()
        self.clock_offset = timedelta(0)
        self.now: Callable[[], datetime] = lambda: START + self.clock_offset + timedelta(seconds=loop.time())
        self.server = FakeApiServer(self.now, namespaces=(NAMESPACE, "seatrial-system"))
        self.cluster = ControllerManager(self.server, serving=serving, building=building)
        self.client = Client(self.server, Limiter(loop.time), lambda: True)
        self.settings = SETTINGS
        self.invariants = InvariantChecker(self.server)
        self.processes: list[InProcessOperator] = []
        self.bugs_allowed = False  # set by stories that make the operator run into a bug

    # the operator

    @property
    def operator(self) -> wiring.Operator:
        """Return the operator that was started last."""
        return self.processes[-1].operator

    @property
    def transport(self) -> OperatorTransport:
        """Return the transport of the operator that was started last."""
        return self.processes[-1].transport

    async def start_operator(
        self,
        *,
        transport: OperatorTransport | None = None,
        kopf_delay: float | None = 0.0,
        clock_error: timedelta = timedelta(0),
        **operator_options: Any,
    ) -> InProcessOperator:
        """Start one more operator; `kopf_delay` is that of `InProcessOperator`, `clock_error` its machine's."""
        transport = transport or OperatorTransport(self.server, check_write=self.invariants.check_write)
        chosen = options.Options(settings=self.settings, **operator_options)
        process = InProcessOperator(self.server, transport, chosen, lambda: self.now() + clock_error)
        process.kopf_delay = kopf_delay
        self.processes.append(process)
        await process.start()
        return process

    async def kill_operator(self) -> None:
        """Kill every operator between two instructions; fail if one of its passes failed because of a bug."""
        for process in self.processes:
            await process.kill()
        assert self.bugs_allowed or not any(p.bugs for p in self.processes), "a bug in a pass; see the log"
        self.processes = []

    async def restart_operator(self) -> InProcessOperator:
        """Kill every operator and start another one."""
        await self.kill_operator()
        return await self.start_operator()

    def _failure(self) -> BaseException | None:
        return next((why for process in self.processes if (why := process.failure())), None)

    async def wait(self, seconds: float) -> None:
        """Let this much virtual time pass."""
        await asyncio.sleep(seconds)

    async def wait_until_idle(self, *, quiet: float = QUIET_SECONDS, seconds: float = 3600) -> None:
        """Wait until the operator has stopped writing and a plan made now has no actions; fail after `seconds`."""
        transport, end = self.transport, asyncio.get_running_loop().time() + seconds
        while True:
            before = len(transport.writes)
            await self.wait(quiet)
            if len(transport.writes) == before:
                break
            assert asyncio.get_running_loop().time() < end, (
                f"the operator keeps writing: {transport.writes[-8:]}"
            )
        for body in await self.objects(kinds.MODEL_DEPLOYMENT):
            pending = await self.processes[-1].pending_actions(Key(NAMESPACE, body["metadata"]["name"]))
            assert pending == [], f"a second plan is not empty: {pending}"

    async def wait_for_quiet(self, *, quiet: float = 5.0) -> None:
        """Wait until the operator has written nothing for some seconds; its rollout may continue later."""
        while True:
            before = len(self.transport.writes)
            await self.wait(quiet)
            if len(self.transport.writes) == before:
                return

    # actions of users

    async def apply(self, spec: Body, *, name: str = NAME, labels: Body | None = None) -> Body:
        """Apply a ModelDeployment with this spec."""
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels or {}},
            "spec": spec,
        }
        return await self.client.apply(kinds.MODEL_DEPLOYMENT, body)

    async def decide(self, action: str, **spec: Any) -> Body:
        """Create a RolloutDecision about the story's ModelDeployment."""
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.DECISION_KIND,
            "metadata": {"generateName": f"{NAME}-", "namespace": NAMESPACE},
            "spec": {"deployment": NAME, "action": action, "decidedBy": "jo@shop.io", **spec},
        }
        return await self.client.create(kinds.ROLLOUT_DECISION, body)

    async def wait_for_result(self, decision: Body, *, seconds: float = 60) -> Body:
        """Return a decision's status once it has one."""
        end = asyncio.get_running_loop().time() + seconds
        while True:
            status = await self.decision_status(decision)
            if status:
                return status
            assert asyncio.get_running_loop().time() < end, "the decision never got a status"
            await self.wait(0.25)

    async def decision_status(self, decision: Body) -> Body:
        """Return a decision's status now."""
        body = await self.get(kinds.ROLLOUT_DECISION, decision["metadata"]["name"])
        return body.get("status") or {}

    async def install_decision_policy(self) -> None:
        """Install the chart's admission policy, which verifies the authors of decisions."""
        await self.client.create(kinds.VALIDATING_ADMISSION_POLICY_BINDING, specs.DECISION_POLICY_BINDING)

    async def apply_config(self, name: str, data: Body, *, kind: kinds.Kind = kinds.CONFIG_MAP) -> None:
        """Apply a ConfigMap or Secret with this data."""
        body = {"apiVersion": "v1", "kind": kind.kind, "metadata": {"name": name, "namespace": NAMESPACE}}
        await self.client.apply(kind, {**body, "data": data})

    # what users observe

    async def status(self, name: str = NAME) -> Body:
        """Return the status now."""
        body = await self.client.get(kinds.MODEL_DEPLOYMENT, NAMESPACE, name)
        status: Body = body.get("status") or {}
        return status

    async def clear_status(self) -> None:
        """Empty the status, as a restored backup does."""
        body = await self.get(kinds.MODEL_DEPLOYMENT, NAME)
        await self.client.replace_status(kinds.MODEL_DEPLOYMENT, {**body, "status": {}})

    async def wait_until(
        self, holds: Callable[[Body], Any], *, seconds: float = 3600, name: str = NAME
    ) -> Body:
        """Return the first status for which `holds`; fail after `seconds` with the last one."""
        end = asyncio.get_running_loop().time() + seconds
        while True:
            status = (self.server.look(kinds.MODEL_DEPLOYMENT, NAMESPACE, name) or {}).get("status") or {}
            if (why := self._failure()) is not None:
                raise AssertionError("the operator failed") from why
            if _holds(holds, status):
                return status
            if asyncio.get_running_loop().time() > end:
                raise AssertionError(
                    f"not within {seconds} s; last: {status.get('phase')}: {status.get('message')}"
                )
            await self.wait(0.25)

    async def wait_for_phase(self, phase: str, *, seconds: float = 3600, name: str = NAME) -> Body:
        """Return the status once it has this phase for the current generation."""
        return await self.wait_until(
            lambda s: s["phase"] == phase and s["observedGeneration"] == self._generation(name),
            seconds=seconds,
            name=name,
        )

    async def deploy(
        self, spec: Body, *, phase: str = "Healthy", seconds: float = 600, name: str = NAME
    ) -> Body:
        """Apply this spec and return the status once it is healthy, or in another phase."""
        await self.apply(spec, name=name)
        return await self.wait_for_phase(phase, seconds=seconds, name=name)

    async def start_canary(self, spec: Body, *, weight: int = 25) -> Body:
        """Apply this spec and return the status once its canary receives `weight` percent of traffic."""
        await self.apply(spec)
        return await self.wait_until(lambda s: s["canary"]["weight"] == weight, seconds=900)

    async def wait_for_promotion(self, revision: str, *, seconds: float = 3600) -> Body:
        """Return the status once this revision is stable and healthy."""
        return await self.wait_until(
            lambda s: s["stable"]["revision"] == revision and s["phase"] == "Healthy", seconds=seconds
        )

    def _generation(self, name: str) -> int:
        body = self.server.look(kinds.MODEL_DEPLOYMENT, NAMESPACE, name) or {}
        return int(body["metadata"]["generation"])

    async def objects(self, kind: kinds.Kind) -> list[Body]:
        """Return all objects of a kind in the story's namespace."""
        return (await self.client.list(kind, NAMESPACE)).items

    async def get(self, kind: kinds.Kind, name: str) -> Body:
        """Return one object of the story's namespace."""
        return await self.client.get(kind, NAMESPACE, name)

    def pod_uids(self, revision: str) -> set[str]:
        """Return the uids of a revision's server pods that are not terminating."""
        return {
            pod["metadata"]["uid"]
            for pod in self.server.all(kinds.POD, NAMESPACE)
            if pod["metadata"]["labels"].get(names.LABEL_REVISION) == revision
            and names.LABEL_SERVER in pod["metadata"]["labels"]
            and not pod["metadata"].get("deletionTimestamp")
        }

    def replicas_of(self, revision: str) -> int | None:
        """Return the replicas in the spec of a revision's Deployment; None without one."""
        body = self.server.look(kinds.DEPLOYMENT, NAMESPACE, f"{NAME}-{revision}")
        return None if body is None else int(body["spec"]["replicas"])

    def writes_since(self, mark: int) -> list[Any]:
        """Return every write after `len(world.server.writes)` was `mark`, except those of Events and Leases."""
        return [w for w in self.server.writes[mark:] if w.kind not in {"Event", "Lease"}]


def _holds(condition: Callable[[Body], Any], status: Body) -> bool:
    try:
        return bool(condition(status))
    except (KeyError, IndexError, TypeError):
        return False


Story = Callable[[World], Awaitable[None]]


def run_story(
    story: Story,
    *,
    serving: Serving = pod_behaviour.ready_pods,
    building: Building = successful_builds,
    ends_idle: bool = True,
) -> None:
    """Run the story in virtual time; fail when it breaks an invariant or, with `ends_idle`, does not end idle."""
    # nothing in a story waits for the outside world, so no loop cycles are needed before the clock advances
    loop = looptime.new_event_loop(noop_cycles=0)
    try:
        loop.run_until_complete(_run(story, serving, building, ends_idle=ends_idle))
    finally:
        loop.close()


async def _run(story: Story, serving: Serving, building: Building, *, ends_idle: bool) -> None:
    world = World(serving=serving, building=building)
    await world.start_operator()
    try:
        await story(world)
        if ends_idle and world.processes:
            await world.wait_until_idle()
    finally:
        await world.kill_operator()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
    world.invariants.assert_no_violations()


__all__ = ["Behaviour", "BuildBehaviour", "World", "failing_builds", "image", "run_story", "spec"]
