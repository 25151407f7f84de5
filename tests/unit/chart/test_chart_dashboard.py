"""The dashboard asks for metrics that the operator has, and the test of a release reads them."""

from __future__ import annotations

import importlib.util
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import prometheus_client
import pytest

from seatrial.telemetry import Telemetry
from tests.unit.chart.chart_rendering import CHART

DASHBOARD = json.loads((CHART / "dashboards" / "seatrial.json").read_text())


def telemetry(*, leader: float) -> Telemetry:
    """The operator's metrics, all of them."""
    made = Telemetry(prometheus_client.CollectorRegistry())
    made.watch(depth=lambda: 0.0, oldest=lambda: 0.0, leader=lambda: leader, ages={"Pod": [lambda: 1.0]})
    return made


def test_every_panel_asks_for_metrics_that_exist() -> None:
    known = {
        metric.name + ending
        for metric in telemetry(leader=1.0).registry.collect()
        for ending in ("", "_total", "_bucket", "_sum", "_count")
    }
    asked = {
        name
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
        for name in re.findall(r"seatrial_\w+", target["expr"])
    }
    assert len(asked) >= 10
    assert asked - known == set()


def test_panels_stand_beside_each_other_and_say_which_source_they_use() -> None:
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert len({(place["x"], place["y"]) for place in places}) == len(places)
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == {"${datasource}"}


@contextmanager
def answering(text: bytes) -> Iterator[str]:
    """The address of a server that says this."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/metrics"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def check() -> Callable[..., str]:
    """The check that `helm test` runs."""
    spec = importlib.util.spec_from_file_location("answers", CHART / "checks" / "answers.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[..., str] = module.check
    return found


def test_a_release_is_well_when_an_operator_leads(check: Callable[..., str]) -> None:
    with answering(prometheus_client.generate_latest(telemetry(leader=1.0).registry)) as url:
        assert check(url, patience=5.0) == ""


def test_a_release_without_a_leader_is_not_well(check: Callable[..., str]) -> None:
    with answering(prometheus_client.generate_latest(telemetry(leader=0.0).registry)) as url:
        assert "none that was reached has the lease" in check(url, patience=0.1)


def test_a_release_that_does_not_answer_is_not_well(check: Callable[..., str]) -> None:
    with answering(b"") as url:
        gone = url
    assert "does not answer" in check(gone, patience=0.1)
