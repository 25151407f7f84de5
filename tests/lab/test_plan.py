"""Processes are known by more than their number, and the keeper starts them in order."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cluster import keeper, plan, ports
from tests.cluster.errors import LabError
from tests.cluster.plan import Pid, Plan, Process


def started(
    folder: Path, processes: list[Process], *, ready: tuple[str, ...] = ()
) -> "subprocess.Popen[bytes]":
    file = Plan(folder, processes, ready=ready).write()
    return subprocess.Popen([sys.executable, str(plan.KEEPER), str(file)], start_new_session=True, stderr=-3)


def sleeper(name: str, *after: str, touch: Path | None = None) -> Process:
    script = f"touch {touch}; exec sleep 100" if touch else "exec sleep 100"
    return Process(name, ["sh", "-c", script], after=after)


def test_this_process_lives_and_a_later_one_of_its_number_does_not() -> None:
    mine = Pid.of(os.getpid())
    assert mine.lives()
    assert not Pid(mine.number, mine.born + 1).lives()


def test_ending_what_has_ended_is_no_error() -> None:
    Pid(2**22 + 1, 0).end(group=True)


def test_a_process_starts_after_its_gate(tmp_path: Path) -> None:
    gate = f"file:{tmp_path / 'first-was-here'}"
    first = sleeper("first", touch=tmp_path / "first-was-here")
    child = started(tmp_path, [first, sleeper("second", gate)])
    with child:
        plan.wait_until_ready(tmp_path, Pid.of(child.pid))
        Pid.of(child.pid).end(group=True)


def test_ending_the_keeper_alone_ends_all(tmp_path: Path) -> None:
    child = started(tmp_path, [Process("p", ["sh", "-c", f"echo $$ > {tmp_path}/pid; exec sleep 100"])])
    with child:
        plan.wait_until_ready(tmp_path, Pid.of(child.pid))
        other = Pid.of(int(wait_for(tmp_path / "pid")))
        child.kill()
        child.wait()
        deadline = time.monotonic() + 5
        while other.lives() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not other.lives()


def test_a_process_that_cannot_start_is_named_with_its_last_words(tmp_path: Path) -> None:
    broken = Process("broken", ["sh", "-c", "echo no such disk; exit 3"])
    child = started(tmp_path, [broken, sleeper("late", f"file:{tmp_path / 'never'}")])
    with child, pytest.raises(LabError, match=r"(?s)broken ended with 3.*no such disk"):
        plan.wait_until_ready(tmp_path, Pid.of(child.pid))


def test_a_process_that_ends_later_starts_again(tmp_path: Path) -> None:
    counting = Process("counting", ["sh", "-c", f"echo again >> {tmp_path}/count; sleep 0.1"])
    child = started(tmp_path, [counting])
    with child:
        plan.wait_until_ready(tmp_path, Pid.of(child.pid))
        deadline = time.monotonic() + 10
        while wait_for(tmp_path / "count").count("again") < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        Pid.of(child.pid).end(group=True)
    assert wait_for(tmp_path / "count").count("again") >= 2


def wait_for(file: Path) -> str:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and not (file.exists() and file.read_text()):
        time.sleep(0.01)
    return file.read_text()


def test_a_plan_keeps_the_machines_proxies_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    written = json.loads(Plan(tmp_path, [Process("p", ["true"], env={"A": "1"})]).write().read_text())
    (process,) = written["processes"]
    assert process["env"].keys() == {"PATH", "HOME", "LANG", "A"}
    assert process["cwd"] == str(tmp_path)


def test_gates_say_whether_something_listens() -> None:
    with ports.listener() as listening:
        gate = f"tcp:127.0.0.1:{listening.getsockname()[1]}"
        assert keeper.is_open(gate)
    assert not keeper.is_open(gate)
    assert not keeper.is_open("unix:/nowhere.sock")
    assert not keeper.is_open("https://127.0.0.1:1/readyz")
