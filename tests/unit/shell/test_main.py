"""How one operator starts and ends."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from seatrial import main, options
from seatrial.api import kinds
from seatrial.reconciler import run_workers
from tests.apiserver import FakeApiServer
from tests.unit.shell.operators import build, end, run_informers
from tests.unit.shell.shell_objects import START

pytestmark = pytest.mark.looptime
NO_CERTIFICATE = {
    "current-context": "c",
    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    "clusters": [
        {"name": "c", "cluster": {"server": "https://127.0.0.1:9", "certificate-authority-data": "aGVsbG8="}}
    ],
    "users": [{"name": "u", "user": {"token": "x"}}],
}
MALFORMED = ("a: [1\n b: }", "- a", "", "word", json.dumps(NO_CERTIFICATE))


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

    async def test_the_first_line_of_the_log_says_what_an_operator_runs_with(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO")
        chosen = options.Options(
            kubeconfig=str(tmp_path / "absent"),
            settings_file="/etc/seatrial/settings.yaml",
            namespaces=("shop",),
            lease_namespace="seatrial-system",
        )
        await main.run(chosen)
        first = vars(caplog.records[0])
        assert first["message"] == "operator starts"
        assert (first["settings"], first["namespaces"], first["lease"]) == (
            "/etc/seatrial/settings.yaml",
            "shop",
            "seatrial-system/seatrial",
        )
        assert first["version"] == main.version()

    async def test_a_standby_says_that_it_stands_by_and_then_that_it_works(
        self, api: FakeApiServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO")
        operator = build(api, lease_namespace="seatrial-system", identity="second")
        assert operator.elector is not None
        tasks = await run_informers(operator)
        ready = asyncio.create_task(main.wait_until_ready(operator))
        await asyncio.sleep(1)
        assert [record.message for record in caplog.records] == ["standing by until the lease is free"]
        operator.elector.won.set()
        await asyncio.wait_for(ready, timeout=1)
        assert [vars(record)["lease"] for record in caplog.records] == ["seatrial-system/seatrial"] * 2
        assert caplog.records[-1].message == "working"
        await end(*tasks)

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
        assert not await main.shut_down(operator.queue, tasks), "a write may still be carried out"
        assert asyncio.get_running_loop().time() - began == pytest.approx(main.GRACE_PERIOD, abs=0.1)
        await end(*tasks)

    async def test_shutdown_takes_no_time_while_no_pass_runs(self, api: FakeApiServer) -> None:
        operator = build(api)
        tasks = await run_informers(operator)
        began = asyncio.get_running_loop().time()
        assert await main.shut_down(operator.queue, tasks)
        assert asyncio.get_running_loop().time() == began
        await end(*tasks)
