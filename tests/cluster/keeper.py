"""The first process of a lab: it starts all others in order, restarts them, and when it dies they die.

Started as `python keeper.py PLAN`. On the node it is pid 1 of the node's namespaces; on the control plane it leads
a process group. It uses nothing but the standard library, because a node sees no virtual environment.
"""

import contextlib
import ctypes
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

PATIENCE = 120.0  # seconds until a gate that stays shut is an error
PAUSE = 0.05  # seconds between two looks at a gate
RESTART_AFTER = 1.0  # seconds, so that a process that cannot live does not take the machine with it
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


class Keeper:
    """The processes of one plan, by pid."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.folder = Path(plan["folder"])
        self.plan = plan
        self.running: dict[int, dict[str, Any]] = {}

    def start_all(self) -> None:
        """Everything is prepared and started in the order of the plan, each process after its gates."""
        for command in self.plan["prepare"]:
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        for process in self.plan["processes"]:
            for gate in process["after"]:
                self.wait_for(gate)
            self.start(process)
        for gate in self.plan["ready"]:
            self.wait_for(gate)

    def start(self, process: dict[str, Any]) -> None:
        with (self.folder / "logs" / f"{process['name']}.log").open("ab") as log:
            # not Popen: its own bookkeeping of children would race with ours
            pid = os.fork()
            if pid == 0:
                become(process, log.fileno())
        self.running[pid] = process

    def wait_for(self, gate: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not is_open(gate):
            self.fail_if_one_ended()
            if time.monotonic() > deadline:
                raise SystemExit(f"{gate} did not answer within {PATIENCE:.0f} s")
            time.sleep(PAUSE)

    def fail_if_one_ended(self) -> None:
        for pid, status in ended():
            if process := self.running.pop(pid, None):
                code = os.waitstatus_to_exitcode(status)
                raise SystemExit(f"{process['name']} ended with {code}")

    def keep(self) -> NoReturn:
        """Ended processes are reaped, and our own start again."""
        while True:
            try:
                pid, status = os.wait()
            except ChildProcessError:
                time.sleep(RESTART_AFTER)
                continue
            if process := self.running.pop(pid, None):
                print(f"{process['name']} ended with {os.waitstatus_to_exitcode(status)}: again", flush=True)
                time.sleep(RESTART_AFTER)
                self.start(process)


def ended() -> list[tuple[int, int]]:
    """Children that have ended since the last look."""
    found = []
    with contextlib.suppress(ChildProcessError):
        while (child := os.waitpid(-1, os.WNOHANG)) != (0, 0):
            found.append(child)
    return found


def become(process: dict[str, Any], log: int) -> NoReturn:
    """This fork is the process; nothing returns."""
    try:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.chdir(process["cwd"])
        os.execvpe(process["argv"][0], process["argv"], process["env"])  # noqa: S606 - no shell is wanted
    except OSError as error:
        os.write(2, f"{process['argv'][0]}: {error}\n".encode())
    os._exit(127)


def is_open(gate: str) -> bool:
    """Whether `tcp:HOST:PORT` or `unix:PATH` accepts, `file:PATH` exists, or an http(s) address answers 200."""
    kind, _, rest = gate.partition(":")
    kinds: dict[str, Callable[[str], bool]] = {
        "tcp": accepts_tcp,
        "unix": accepts_unix,
        "file": os.path.exists,
        "http": answers_plainly,
        "https": answers,
    }
    try:
        return kinds[kind](rest)
    except (OSError, http.client.HTTPException):
        return False


def accepts_tcp(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=2):
        return True


def accepts_unix(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        return True


def answers(address: str) -> bool:
    host, _, path = address.removeprefix("//").partition("/")
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = (
        False,
        ssl.CERT_NONE,
    )  # a look at readiness, no secret is sent
    return answers_200(http.client.HTTPSConnection(host, timeout=2, context=trusting), path)


def answers_plainly(address: str) -> bool:
    host, _, path = address.removeprefix("//").partition("/")
    return answers_200(http.client.HTTPConnection(host, timeout=2), path)


def answers_200(connection: http.client.HTTPConnection, path: str) -> bool:
    try:
        connection.request("GET", f"/{path}")
        return connection.getresponse().status == http.HTTPStatus.OK
    finally:
        connection.close()


def say(file: Path, text: str) -> None:
    """The file has the text from its first moment: who waits for the one reads the other."""
    spare = file.with_name(f".{file.name}")
    spare.write_text(text)
    spare.replace(file)


def main() -> NoReturn:
    """The plan runs; `ready` or `failed` in its folder says how the start went."""
    keeper = Keeper(json.loads(Path(sys.argv[1]).read_text()))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        keeper.start_all()
    except (SystemExit, OSError, subprocess.CalledProcessError) as error:
        say(keeper.folder / "failed", str(error))
        raise
    say(keeper.folder / "ready", "ready")
    keeper.keep()


if __name__ == "__main__":
    main()
