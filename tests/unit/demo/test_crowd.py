"""Users as a program of its own, and what is read of its lines."""

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
def test_a_tally_is_one_line_and_is_read_as_it_was_written(tally: Tally) -> None:
    line = tally.to_json()
    assert "\n" not in line
    assert Tally.from_json(line) == tally


@pytest.mark.parametrize(
    "line",
    ["", "Traceback (most recent call last):", "{}", "[]", "null", "3", '{"answered": 1, "failed": "x"}'],
)
def test_what_is_no_tally_is_not_taken_for_one(line: str) -> None:
    with pytest.raises(ValueError):
        Tally.from_json(line)


def test_the_newest_tally_of_a_log_counts() -> None:
    log = [Tally(answered=1).to_json(), Tally(answered=2).to_json(), "a warning", ""]
    assert crowd.newest("\n".join(log)).answered == 2
    with pytest.raises(ValueError, match="no tally yet"):
        crowd.newest("starting\n")


class Served(BaseHTTPRequestHandler):
    """Answers as revision `abc` and counts what was asked; every fifth prediction fails."""

    protocol_version = "HTTP/1.1"
    asked: list[bytes]

    def do_GET(self) -> None:
        self._answer(200)

    def do_POST(self) -> None:
        self.asked.append(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(503 if len(self.asked) % 5 == 0 else 200)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header(load.REVISION_HEADER, "abc")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    Served.asked = []
    made = ThreadingHTTPServer(("127.0.0.1", 0), Served)
    thread = threading.Thread(target=made.serve_forever, args=(0.05,))
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def test_the_program_needs_python_alone_and_its_last_line_counts_everything(
    server: ThreadingHTTPServer, tmp_path: Path
) -> None:
    (tmp_path / "body.json").write_text('{"instances": []}')
    address = f"127.0.0.1:{server.server_address[1]}"
    # -I -S: neither this project nor any package can be imported, as in a pod that has the one file
    argv = [sys.executable, "-I", "-S", load.__file__, address, str(tmp_path / "body.json"), "--rate=40"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        while Tally.from_json(program.stdout.readline()).answered < 20:
            pass
        program.send_signal(signal.SIGTERM)
        last = Tally.from_json(program.stdout.read().splitlines()[-1])
        assert program.wait(timeout=20) == 0
    assert last.answered + last.failed == len(Served.asked)
    assert last.failed == len(Served.asked) // 5
    assert sum(last.faults.values()) == last.failed
    assert last.revisions == {"abc": last.answered}
    assert 0 < last.new_connections["abc"] < last.answered
    assert set(Served.asked) == {b'{"instances": []}'}


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("127.0.0.1:80", "127.0.0.1", 80),
        ("digits.shop.svc:80", "digits.shop.svc", 80),
        ("[fd00::1]:80", "fd00::1", 80),
    ],
)
def test_an_address_of_either_version_is_understood(address: str, host: str, port: int) -> None:
    users = load.Users(address, b"")
    assert (users._host, users._port) == (host, port)


class Logged(GivenCluster):
    """A cluster whose pod has this log, and is in this phase once it was told to end."""

    def __init__(self, log: str, *, phase: str = "Running") -> None:
        super().__init__("logged")
        object.__setattr__(self, "seen", {"log": log, "phase": phase, "done": []})

    @property
    def now(self) -> dict[str, Any]:
        found: dict[str, Any] = self.__dict__["seen"]
        return found

    def apply(self, *objects: dict[str, Any]) -> None:
        self.now["applied"] = objects

    def read(self, *arguments: str) -> dict[str, Any]:
        ended = {"state": {"terminated": {"exitCode": 1, "message": "refused"}}, "image": "i"}
        containers = [ended] if self.now["phase"] == "Failed" else []
        status = {"phase": self.now["phase"], "containerStatuses": containers}
        return {"metadata": {"name": "users"}, "status": status}

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        verb = arguments[2]
        self.now["done"].append(verb)
        if verb == "exec":
            self.now.update(phase="Succeeded", log=Tally(answered=9).to_json())
        return str(self.now["log"]) if verb == "logs" else ""


def crowd_of(cluster: Logged, **more: Any) -> Crowd:
    options = {"with_login": False, "address": "10.0.0.1:80", "body": b"{}", "rate": 50.0, "patience": 5.0}
    return Crowd(cluster=cluster, namespace="demo", image="runtime", **{**options, **more})


def test_a_crowd_is_counted_to_the_end_and_then_gone() -> None:
    cluster = Logged(Tally(answered=3).to_json())
    with crowd_of(cluster) as users:
        assert users.tally.answered == 3
    assert users.tally.answered == 9
    assert cluster.now["done"][-1] == "delete"


def test_a_crowd_that_cannot_begin_is_said_and_gone() -> None:
    cluster = Logged("", phase="Failed")
    with pytest.raises(LabError, match="i ends with 1 in the pod users: refused"), crowd_of(cluster):
        pass
    assert cluster.now["done"] == ["delete"]


def test_a_story_that_breaks_does_not_wait_for_its_crowd() -> None:
    cluster = Logged(Tally(answered=3).to_json())
    with pytest.raises(TimeoutError), crowd_of(cluster):
        raise TimeoutError
    assert "exec" not in cluster.now["done"]
    assert cluster.now["done"][-1] == "delete"


def test_the_pod_of_a_crowd_is_restricted() -> None:
    cluster = Logged(Tally().to_json())
    with crowd_of(cluster, with_login=True):
        _files, pod = cluster.now["applied"]
    spec = pod["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
