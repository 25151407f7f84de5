"""CPU time and memory of processes and writes of servers, as the system and their metrics report them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.bench import machine
from tests.bench.stage import difference
from tests.live import operator_process

PAGE = """\
# HELP apiserver_request_total Counter of apiserver requests
# TYPE apiserver_request_total counter
apiserver_request_total{code="201",group="apps",resource="deployments",subresource="",verb="POST"} 3
apiserver_request_total{code="200",group="",resource="services",subresource="",verb="APPLY"} 4
apiserver_request_total{code="200",group="",resource="pods",subresource="status",verb="PATCH"} 5
apiserver_request_total{code="409",group="",resource="services",subresource="",verb="POST"} 100
apiserver_request_total{code="200",group="",resource="services",subresource="",verb="LIST"} 100
apiserver_request_total{code="504",group="",resource="services",subresource="",verb="POST"} 7
apiserver_request_total{code="429",group="",resource="services",subresource="",verb="POST"} 8
apiserver_request_total{code="0",group="",resource="services",subresource="",verb="POST"} 9
apiserver_request_total{code="200",group="coordination.k8s.io",resource="leases",subresource="",verb="PUT"} 100
apiserver_request_total{code="201",group="authorization.k8s.io",resource="subjectaccessreviews",verb="POST"} 100
apiserver_request_duration_seconds_count{verb="POST"} 100
"""


@dataclass
class Client:
    page: str

    async def raw_get(self, _path: str) -> bytes:
        return self.page.encode()


def user(page: str) -> Any:
    return SimpleNamespace(client=Client(page))


async def test_only_writes_of_objects_are_counted_and_failures_apart() -> None:
    found = await machine.server_writes(user(PAGE))
    assert (found.carried_out, found.failed) == (3 + 4 + 5, 7 + 8 + 9)


async def test_server_without_requests_has_no_writes() -> None:
    found = await machine.server_writes(user(""))
    assert (found.carried_out, found.failed) == (0, 0)


def test_busy_neighbour_would_use_every_core_and_ends_with_its_block() -> None:
    before = _children()
    with machine.busy_neighbour():
        assert len(_children() - before) == len(os.sched_getaffinity(0))
    assert _children() == before


def _children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


def test_busy_process_uses_cpu_time() -> None:
    began = machine.cpu_seconds(os.getpid())
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass
    assert 0.05 <= machine.cpu_seconds(os.getpid()) - began < 30


def test_process_uses_memory() -> None:
    assert 10 < machine.resident(os.getpid()) < 100_000


def test_missing_process_is_an_error() -> None:
    with pytest.raises(OSError, match="No such"):
        machine.cpu_seconds(2**22 + 1)
    lab: Any = SimpleNamespace(folder=Path("/no/such/lab"), name="none")
    with pytest.raises(LookupError, match="no process 'kube-apiserver' in the lab none"):
        machine.pid_of(lab, "kube-apiserver")


METRICS = """\
# TYPE seatrial_api_writes_total counter
seatrial_api_writes_total{kind="Service",verb="create"} 2
seatrial_api_writes_total{kind="Deployment",verb="create"} 3
# TYPE seatrial_api_writes_total_of_others counter
seatrial_api_writes_total_of_others 50
# TYPE seatrial_queue_depth gauge
seatrial_queue_depth 0
"""


def test_total_sums_all_series_of_one_metric() -> None:
    samples = operator_process.parsed(METRICS)
    assert operator_process.total(samples, "seatrial_api_writes_total") == 5
    assert operator_process.total(samples, "seatrial_queue_depth") == 0
    assert operator_process.total(samples, "seatrial_nothing") == 0
    assert samples["seatrial_api_writes_total", "Service", "create"] == 2


def test_difference_sums_all_series() -> None:
    later = METRICS.replace("} 2", "} 7").replace("} 3", "} 4")
    before, after = operator_process.parsed(METRICS), operator_process.parsed(later)
    assert difference(before, after, "seatrial_api_writes_total") == 6
    assert difference({}, after, "seatrial_api_writes_total") == 11
