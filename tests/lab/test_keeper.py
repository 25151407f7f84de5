"""The first process of a lab: when its gates are open, in which order it starts, and what it says when it cannot."""

import contextlib
import http.server
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import keeper, plan
from tests.cluster.errors import LabError
from tests.cluster.plan import Pid, Plan, Process


class Answers(http.server.BaseHTTPRequestHandler):
    """200 for /ready, 503 for all else."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/ready?verbose" else 503)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
        pass


@pytest.fixture
def web() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@contextlib.contextmanager
def keeping(made: Plan) -> Iterator[Pid]:
    """A keeper of the plan, ended afterwards whatever happens."""
    command = [sys.executable, str(plan.KEEPER), str(made.write())]
    with subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL) as child:
        pid = Pid.of(child.pid)
        try:
            yield pid
        finally:
            pid.end(group=True)


def test_an_http_gate_opens_with_a_200_alone(web: str) -> None:
    assert keeper.is_open(f"http://{web}/ready?verbose")
    assert not keeper.is_open(f"http://{web}/other")
    assert not keeper.is_open(f"https://{web}/ready?verbose"), "it speaks no TLS"


def test_a_file_gate_opens_when_the_file_is_there(tmp_path: Path) -> None:
    gate = f"file:{tmp_path / 'made'}"
    assert not keeper.is_open(gate)
    (tmp_path / "made").touch()
    assert keeper.is_open(gate)


def test_a_unix_gate_opens_when_somebody_listens(tmp_path: Path) -> None:
    gate = f"unix:{tmp_path}/s"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{tmp_path}/s")
        assert not keeper.is_open(gate), "the file alone is not enough"
        server.listen()
        assert keeper.is_open(gate)
    assert not keeper.is_open(gate)


def test_a_gate_of_an_unknown_kind_is_a_mistake_and_not_shut() -> None:
    with pytest.raises(KeyError):
        keeper.is_open("udp:127.0.0.1:53")


def test_what_is_said_is_there_whole(tmp_path: Path) -> None:
    keeper.say(tmp_path / "failed", "etcd ended with 1")
    assert (tmp_path / "failed").read_text() == "etcd ended with 1"
    assert [path.name for path in tmp_path.iterdir()] == ["failed"]


def test_what_was_said_of_an_earlier_start_is_forgotten(tmp_path: Path) -> None:
    for name in ("ready", "failed"):
        (tmp_path / name).write_text("before")
    Plan(tmp_path, []).write()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", "plan.json"]


def test_a_plan_is_nobody_elses_to_read(tmp_path: Path) -> None:
    assert Plan(tmp_path, []).write().stat().st_mode & 0o777 == 0o600


def test_a_preparation_that_fails_ends_the_start_before_any_process(tmp_path: Path) -> None:
    made = Plan(tmp_path, [Process("late", ["touch", str(tmp_path / "late")])], prepare=[["false"]])
    with keeping(made) as pid, pytest.raises(LabError, match=r"did not start: .*false.*non-zero"):
        plan.wait_until_ready(tmp_path, pid)
    assert not (tmp_path / "late").exists()


def test_a_program_that_is_not_there_is_named_with_the_systems_words(tmp_path: Path) -> None:
    made = Plan(tmp_path, [Process("gone", ["/nowhere/gone"])], ready=[f"file:{tmp_path}/never"])
    with keeping(made) as pid, pytest.raises(LabError, match=r"(?s)gone ended with 127.*No such file"):
        plan.wait_until_ready(tmp_path, pid)


def test_a_keeper_that_is_killed_while_it_starts_is_noticed(tmp_path: Path) -> None:
    made = Plan(tmp_path, [], ready=[f"file:{tmp_path}/never"])
    with keeping(made) as pid:
        os.kill(pid.number, 9)
        with pytest.raises(LabError, match="its first process ended"):
            plan.wait_until_ready(tmp_path, pid)


def test_the_start_ends_when_the_last_gate_opens(tmp_path: Path) -> None:
    script = f"touch {tmp_path}/up; exec sleep 100"
    made = Plan(tmp_path, [Process("p", ["sh", "-c", script])], ready=[f"file:{tmp_path}/up"])
    with keeping(made) as pid:
        plan.wait_until_ready(tmp_path, pid)
        assert (tmp_path / "up").exists()


def test_a_process_has_its_folder_its_variables_and_its_log(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    script = f'echo "$PWD $ANSWER $HOME"; echo bad >&2; touch {tmp_path}/done; exec sleep 100'
    told = Process("told", ["sh", "-c", script], cwd=str(folder), env={"ANSWER": "42"})
    with keeping(Plan(tmp_path, [told], ready=[f"file:{tmp_path}/done"])) as pid:
        plan.wait_until_ready(tmp_path, pid)
    assert (tmp_path / "logs" / "told.log").read_text().splitlines() == [f"{folder} 42 {tmp_path}", "bad"]
