"""The dashboard queries metrics that the operator has, and `helm test` reads them."""

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

from tests.unit.chart.chart_rendering import CHART
from tests.unit.chart.operator_metrics import telemetry_of

DASHBOARD = json.loads((CHART / "dashboards" / "seatrial.json").read_text())


def test_every_panel_queries_existing_metrics() -> None:
    known = {
        metric.name + ending
        for metric in telemetry_of(leader=1.0).registry.collect()
        for ending in ("", "_total", "_bucket", "_sum", "_count")
    }
    queried = {
        name
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
        for name in re.findall(r"seatrial_\w+", target["expr"])
    }
    assert len(queried) >= 10
    assert queried - known == set()


def test_panels_do_not_overlap_and_use_the_selected_datasource() -> None:
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert len({(place["x"], place["y"]) for place in places}) == len(places)
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == {"${datasource}"}


@contextmanager
def serving(text: bytes) -> Iterator[str]:
    """Serve `text` and yield the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

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
    """Return the check that `helm test` runs."""
    spec = importlib.util.spec_from_file_location("leader", CHART / "checks" / "leader.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function: Callable[..., str] = module.check
    return function


def test_the_check_passes_when_an_operator_is_the_leader(check: Callable[..., str]) -> None:
    with serving(prometheus_client.generate_latest(telemetry_of(leader=1.0).registry)) as url:
        assert check(url, timeout=5.0) == ""


def test_the_check_fails_without_a_leader(check: Callable[..., str]) -> None:
    with serving(prometheus_client.generate_latest(telemetry_of(leader=0.0).registry)) as url:
        assert "none of them is the leader" in check(url, timeout=0.1)


def test_the_check_fails_when_no_operator_responds(check: Callable[..., str]) -> None:
    with serving(b"") as url:
        closed_url = url
    assert "does not respond" in check(closed_url, timeout=0.1)
