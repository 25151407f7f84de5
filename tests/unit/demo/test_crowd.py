"""The load generator as a program, and in a pod whose log is read."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cluster.errors import LabError
from tests.stage import crowd, load
from tests.stage.crowd import Crowd
from tests.stage.given import GivenCluster
from tests.stage.load import Tally

COUNTS = st.dictionaries(st.text(max_size=12), st.integers(1, 10**6), max_size=4).map(Counter)
TALLIES = st.builds(Tally, st.integers(0), st.integers(0), COUNTS, COUNTS, COUNTS)


@given(TALLIES)
def test_a_tally_survives_a_round_trip_through_one_line_of_json(tally: Tally) -> None:
    line = tally.to_json()
    assert "\n" not in line
    assert Tally.from_json(line) == tally


@pytest.mark.parametrize(
    "line",
    ["", "Traceback (most recent call last):", "{}", "[]", "null", "3", '{"answered": 1, "failed": "x"}'],
)
def test_a_line_that_is_no_tally_is_rejected(line: str) -> None:
    with pytest.raises(ValueError):
        Tally.from_json(line)


def test_the_newest_tally_of_a_log_is_used() -> None:
    log = [Tally(answered=1).to_json(), Tally(answered=2).to_json(), "a warning", ""]
    assert crowd.newest("\n".join(log)).answered == 2
    with pytest.raises(ValueError, match="no tally yet"):
        crowd.newest("starting\n")


class FakeModelServer(BaseHTTPRequestHandler):
    """Answers as revision `abc` and records the requests; every fifth prediction fails."""

    protocol_version = "HTTP/1.1"
    bodies: list[bytes]

    def do_GET(self) -> None:
        self._respond(200)

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self._respond(503 if len(self.bodies) % 5 == 0 else 200)

    def _respond(self, status: int) -> None:
        self.send_response(status)
        self.send_header(load.REVISION_HEADER, "abc")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    FakeModelServer.bodies = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), FakeModelServer)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_program_needs_only_python_and_its_last_line_counts_all_requests(
    server: ThreadingHTTPServer, tmp_path: Path
) -> None:
    (tmp_path / "body.json").write_text('{"instances": []}')
    address = f"127.0.0.1:{server.server_address[1]}"
    # -I -S: neither this project nor any package can be imported, as in a pod with only this file
    argv = [sys.executable, "-I", "-S", load.__file__, address, str(tmp_path / "body.json"), "--rate=40"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        while Tally.from_json(program.stdout.readline()).answered < 20:
            pass
        program.send_signal(signal.SIGTERM)
        last = Tally.from_json(program.stdout.read().splitlines()[-1])
        assert program.wait(timeout=20) == 0
    assert last.answered + last.failed == len(FakeModelServer.bodies)
    assert last.failed == len(FakeModelServer.bodies) // 5
    assert sum(last.faults.values()) == last.failed
    assert last.revisions == {"abc": last.answered}
    assert 0 < last.new_connections["abc"] < last.answered
    assert set(FakeModelServer.bodies) == {b'{"instances": []}'}


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("127.0.0.1:80", "127.0.0.1", 80),
        ("digits.shop.svc:80", "digits.shop.svc", 80),
        ("[fd00::1]:80", "fd00::1", 80),
    ],
)
def test_ipv4_and_ipv6_addresses_are_parsed(address: str, host: str, port: int) -> None:
    users = load.Users(address, b"")
    assert (users._host, users._port) == (host, port)


class FakeCluster(GivenCluster):
    """A cluster whose pod has this log and this phase; `kubectl exec` ends the pod."""

    def __init__(self, log: str, *, phase: str = "Running") -> None:
        super().__init__("fake")
        object.__setattr__(self, "pod_state", {"log": log, "phase": phase, "verbs": []})

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.__dict__["pod_state"]
        return state

    def apply(self, *objects: dict[str, Any]) -> None:
        self.state["applied"] = objects

    def read(self, *arguments: str) -> dict[str, Any]:
        terminated = {"state": {"terminated": {"exitCode": 1, "message": "refused"}}, "image": "i"}
        containers = [terminated] if self.state["phase"] == "Failed" else []
        status = {"phase": self.state["phase"], "containerStatuses": containers}
        return {"metadata": {"name": "users"}, "status": status}

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        verb = arguments[2]
        self.state["verbs"].append(verb)
        if verb == "exec":
            self.state.update(phase="Succeeded", log=Tally(answered=9).to_json())
        return str(self.state["log"]) if verb == "logs" else ""


def crowd_of(cluster: FakeCluster, **more: Any) -> Crowd:
    options = {"with_login": False, "address": "10.0.0.1:80", "body": b"{}", "rate": 50.0, "patience": 5.0}
    return Crowd(cluster=cluster, namespace="demo", image="runtime", **{**options, **more})


def test_the_load_generator_is_counted_to_its_end_and_then_removed() -> None:
    cluster = FakeCluster(Tally(answered=3).to_json())
    with crowd_of(cluster) as users:
        assert users.tally.answered == 3
    assert users.tally.answered == 9
    assert cluster.state["verbs"][-1] == "delete"


def test_a_load_generator_that_fails_to_start_is_reported_and_removed() -> None:
    cluster = FakeCluster("", phase="Failed")
    with pytest.raises(LabError, match="i exits with code 1 in the pod users: refused"), crowd_of(cluster):
        pass
    assert cluster.state["verbs"] == ["delete"]


def test_a_demo_that_fails_does_not_wait_for_the_load_generator() -> None:
    cluster = FakeCluster(Tally(answered=3).to_json())
    with pytest.raises(TimeoutError), crowd_of(cluster):
        raise TimeoutError
    assert "exec" not in cluster.state["verbs"]
    assert cluster.state["verbs"][-1] == "delete"


def test_the_pod_of_the_load_generator_is_restricted() -> None:
    cluster = FakeCluster(Tally().to_json())
    with crowd_of(cluster, with_login=True):
        _files, pod = cluster.state["applied"]
    spec = pod["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
