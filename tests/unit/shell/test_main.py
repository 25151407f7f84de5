"""One operator as `main` wires it: liveness, start, shutdown."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from seatrial import main, options, preflight
from seatrial.api import kinds, model_deployment, names, status
from seatrial.api.metadata import Key
from seatrial.api.objects import Body
from seatrial.planner import Plan
from seatrial.reconciler import run_workers
from tests.apiserver import FakeApiServer
from tests.unit.shell.shell_objects import NAMESPACE, START

pytestmark = pytest.mark.looptime
CHURN = Key(NAMESPACE, "churn")
CHURN_PLACE = (NAMESPACE, "churn")
NO_CERTIFICATE = {
    "current-context": "c",
    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    "clusters": [
        {"name": "c", "cluster": {"server": "https://127.0.0.1:9", "certificate-authority-data": "aGVsbG8="}}
    ],
    "users": [{"name": "u", "user": {"token": "x"}}],
}
MALFORMED = ("a: [1\n b: }", "- a", "", "word", json.dumps(NO_CERTIFICATE))
CRDS = tuple(f"{plural}.{names.GROUP}" for plural in (names.PLURAL, names.DECISION_PLURAL))


def build(api: FakeApiServer, **chosen: Any) -> main.Operator:
    loop = asyncio.get_running_loop()
    clocks = main.Clocks(now=lambda: START + timedelta(seconds=loop.time()), monotonic=loop.time)
    return main.build(options.Options(**chosen), api, lease_lost=asyncio.Event(), clocks=clocks)


async def run_informers(operator: main.Operator) -> list[asyncio.Task[Any]]:
    """Run every informer; kopf's watch delivers nothing."""
    tasks: list[asyncio.Task[Any]] = [asyncio.create_task(informer.run()) for informer in operator.informers]
    for informer in operator.informers:
        await informer.synced.wait()
    return tasks


async def end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def crd(name: str, version: str | None) -> Body:
    annotations = {} if version is None else {names.ANNOTATION_SCHEMA_VERSION: version}
    return {
        "apiVersion": kinds.CRD.api_version,
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"group": names.GROUP, "versions": []},
    }


class TestLiveness:
    async def test_an_operator_at_rest_for_hours_is_alive(self, api: FakeApiServer) -> None:
        operator = build(api)
        tasks = await run_informers(operator)
        while not operator.queue.idle:
            operator.queue.done(await operator.queue.get())
        for _ in range(20):
            await asyncio.sleep(600)
            assert operator.stalled() == ""
        await end(*tasks)

    async def test_a_watch_that_receives_nothing_has_stalled(self, api: FakeApiServer) -> None:
        operator = build(api)
        tasks = await run_informers(operator)
        api.faults.hanging = True
        api.faults.drop_watches()
        await asyncio.sleep(main.WATCH_TIMEOUT + 5)
        assert "has received nothing for" in operator.stalled()
        await end(*tasks)

    async def test_a_leader_that_leaves_an_object_waiting_has_stalled(self, api: FakeApiServer) -> None:
        operator = build(api)
        operator.queue.add(CHURN)
        await asyncio.sleep(main.QUEUE_TIMEOUT - 1)
        assert operator.stalled() == ""
        await asyncio.sleep(2)
        assert operator.stalled().startswith("a ModelDeployment has waited in the queue for")

    async def test_a_standby_is_alive_for_hours_and_when_it_takes_over(self, api: FakeApiServer) -> None:
        api.add_namespace("seatrial-system")
        chosen = {"lease_namespace": "seatrial-system", "identity": "standby"}
        held = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "seatrial", "namespace": "seatrial-system"},
            "spec": {"holderIdentity": "leader", "leaseDurationSeconds": 30_000},
        }
        api.insert(kinds.LEASE, held)
        operator = build(api, **chosen)
        assert operator.elector is not None
        tasks = [*await run_informers(operator), asyncio.create_task(operator.elector.run())]
        ready = asyncio.create_task(main.wait_until_ready(operator))
        await asyncio.sleep(20_000)
        assert (operator.may_write(), operator.stalled(), ready.done()) == (False, "", False)
        api.edit(kinds.LEASE, "seatrial-system", "seatrial", patch={"spec": {"holderIdentity": ""}})
        await asyncio.sleep(5)
        assert operator.may_write()
        assert ready.done()
        assert operator.queue.depth == 2, "the work is not lost"
        assert operator.stalled() == "", "the time as a standby does not count"
        await end(*tasks)


class TestOwnWrites:
    async def test_a_stored_status_enqueues_nothing(self, api: FakeApiServer) -> None:
        operator = build(api)
        tasks = await run_informers(operator)
        while not operator.queue.idle:
            operator.queue.done(await operator.queue.get())
        body = operator.model_deployments.get(*CHURN_PLACE) or {}
        reporter = operator.reconciler._shell.reporter
        assert await reporter.store(
            model_deployment.parse(body), body, Plan(status=status.Status(message="m"))
        )
        stored = operator.model_deployments.get(*CHURN_PLACE) or {}
        assert stored["status"]["message"] == "m"
        await asyncio.sleep(5)
        assert operator.queue.idle
        await end(*tasks)


class TestStart:
    async def test_passes_begin_once_every_informer_is_synced(self, api: FakeApiServer) -> None:
        operator = build(api)
        api.faults.fail_next(3, 503, lambda r: r.path.endswith("/modeldeployments"))
        tasks = [asyncio.create_task(informer.run()) for informer in operator.informers]
        ready = asyncio.create_task(main.wait_until_ready(operator))
        await asyncio.sleep(0.5)
        assert not ready.done()
        await asyncio.sleep(30)
        assert ready.done()
        assert operator.queue.depth == 2
        await end(*tasks)

    async def test_passes_begin_in_an_empty_cluster(self) -> None:
        operator = build(FakeApiServer(lambda: START))
        tasks = [asyncio.create_task(informer.run()) for informer in operator.informers]
        await asyncio.wait_for(main.wait_until_ready(operator), timeout=5)
        assert operator.queue.idle
        await end(*tasks)

    async def test_crds_of_the_same_or_a_later_version_are_accepted(self, api: FakeApiServer) -> None:
        later = str(int(names.SCHEMA_VERSION) + 1)
        for name, version in zip(CRDS, (names.SCHEMA_VERSION, later), strict=True):
            api.insert(kinds.CRD, crd(name, version))
        await preflight.check_cluster(build(api).client)

    @pytest.mark.parametrize("version", ["0", None, "", "one"])
    async def test_an_older_crd_is_rejected_with_the_command_to_run(
        self, api: FakeApiServer, version: str | None
    ) -> None:
        api.insert(kinds.CRD, crd(CRDS[0], names.SCHEMA_VERSION))
        api.insert(kinds.CRD, crd(CRDS[1], version))
        with pytest.raises(preflight.PreflightFailed, match=rf"{CRDS[1]} has schema version .*kubectl apply"):
            await preflight.check_cluster(build(api).client)

    async def test_a_missing_crd_is_reported_with_the_command_to_run(self, api: FakeApiServer) -> None:
        with pytest.raises(preflight.PreflightFailed, match=rf"{CRDS[0]} is missing; run kubectl apply"):
            await preflight.check_cluster(build(api).client)

    async def test_an_unavailable_server_is_reported_with_what_to_check(self, api: FakeApiServer) -> None:
        api.faults.hanging = True
        with pytest.raises(preflight.PreflightFailed, match=r"does not answer requests: .*--kubeconfig"):
            await preflight.check_cluster(build(api).client)

    async def test_a_missing_kubeconfig_is_reported_without_a_traceback(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert await main.run(options.Options(kubeconfig=str(tmp_path / "absent"))) == 1
        (record,) = [record for record in caplog.records if record.message == "operator cannot start"]
        assert "cannot log in to a cluster" in record.__dict__["why"]

    @pytest.mark.parametrize(
        "text", MALFORMED, ids=["no YAML", "a list", "empty", "a word", "a bad certificate"]
    )
    async def test_an_invalid_kubeconfig_is_reported_without_a_traceback(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str
    ) -> None:
        (tmp_path / "config").write_text(text)
        assert await main.run(options.Options(kubeconfig=str(tmp_path / "config"))) == 1
        (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
        assert (record.message, record.exc_info) == ("operator cannot start", None)
        assert record.__dict__["why"].startswith("The operator cannot log in to a cluster: ")
        assert "\n" not in record.__dict__["why"]

    async def test_missing_rights_are_reported_with_the_cluster_role(self, api: FakeApiServer) -> None:
        api.faults.fail_next(1, 403)
        with pytest.raises(preflight.PreflightFailed, match="ClusterRole that ends in -reads"):
            await preflight.check_cluster(build(api).client)


class TestShutdown:
    async def test_a_running_pass_completes_and_no_pass_begins(self, api: FakeApiServer) -> None:
        operator = build(api, workers=1)
        api.faults.latency = 0.5
        tasks = await run_informers(operator)
        tasks.append(asyncio.create_task(run_workers(operator.reconciler, size=1, ready=asyncio.sleep(0))))
        await asyncio.sleep(0.7)
        assert (len(api.writes), operator.queue.depth) == (1, 1)
        await main.shut_down(operator.queue, tasks)
        await end(*tasks)
        created = {body["metadata"]["name"].split("-")[0] for body in api.all(kinds.DEPLOYMENT)}
        assert created == {"churn"}
        assert operator.queue.idle is False, "the other key waits for the next leader"

    async def test_a_pass_that_takes_too_long_is_cancelled(self, api: FakeApiServer) -> None:
        operator = build(api)
        tasks = await run_informers(operator)
        api.faults.latency = 4
        tasks.append(asyncio.create_task(run_workers(operator.reconciler, size=1, ready=asyncio.sleep(0))))
        await asyncio.sleep(1)
        began = asyncio.get_running_loop().time()
        await main.shut_down(operator.queue, tasks)
        assert asyncio.get_running_loop().time() - began == pytest.approx(main.GRACE_PERIOD, abs=0.1)
        await end(*tasks)

    async def test_shutdown_takes_no_time_while_no_pass_runs(self, api: FakeApiServer) -> None:
        operator = build(api)
        tasks = await run_informers(operator)
        began = asyncio.get_running_loop().time()
        await main.shut_down(operator.queue, tasks)
        assert asyncio.get_running_loop().time() == began
        await end(*tasks)
