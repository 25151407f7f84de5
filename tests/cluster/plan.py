"""What a lab starts, as data: processes, what each waits for, and the life of the process that keeps them."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.cluster.errors import LabError

KEEPER = Path(__file__).parent / "keeper.py"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
START_PATIENCE = 240.0  # seconds
END_PATIENCE = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Process:
    """A program of the lab. It starts when every gate of `after` is open (see keeper.is_open)."""

    name: str
    argv: Sequence[str]
    after: Sequence[str] = ()
    cwd: str = ""
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """All of a lab: `prepare` are commands that must succeed first, `ready` are the gates that end the start."""

    folder: Path
    processes: Sequence[Process]
    prepare: Sequence[Sequence[str]] = ()
    ready: Sequence[str] = ()

    def write(self) -> Path:
        """The plan stands in its folder, for the keeper to read."""
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        for stale in ("ready", "failed"):
            (self.folder / stale).unlink(missing_ok=True)
        # the machine's proxies and certificate settings are none of the lab's business
        common = {"PATH": SYSTEM_PATH, "HOME": str(self.folder), "LANG": "C.UTF-8"}
        processes = [
            {**asdict(p), "env": common | p.env, "cwd": p.cwd or str(self.folder)} for p in self.processes
        ]
        file = self.folder / "plan.json"
        file.write_text(
            json.dumps(
                {
                    "folder": str(self.folder),
                    "prepare": [list(command) for command in self.prepare],
                    "processes": processes,
                    "ready": list(self.ready),
                }
            )
        )
        file.chmod(0o600)  # it has the keys of the object store
        return file


@dataclass(frozen=True, slots=True)
class Pid:
    """A process that cannot be mistaken for a later one with the same number."""

    number: int
    born: int  # clock ticks after boot
    boot: str = ""  # which one; after another, number and ticks may be anybody's

    @classmethod
    def of(cls, number: int) -> "Pid":
        return cls(number, _born(number), boot_id())

    def lives(self) -> bool:
        """Whether it runs; one that has ended and was not reaped yet does not."""
        try:
            return not self.is_anothers() and _state(self.number) != "Z"
        except OSError:
            return False

    def is_anothers(self) -> bool:
        """Whether the number is, or may be, that of a later process; then a group of that number is not ours either."""
        try:
            return self.boot not in ("", boot_id()) or _born(self.number) != self.born
        except OSError:
            return False

    def end(self, *, group: bool) -> None:
        """It has ended, with its process group when asked; nothing happens when it had ended before."""
        if self.is_anothers():
            return
        if self.lives():
            (os.killpg if group else os.kill)(self.number, signal.SIGKILL)
        deadline = time.monotonic() + END_PATIENCE
        while self.lives() or (group and _group_lives(self.number)):
            with contextlib.suppress(ChildProcessError):  # it may be a child of ours, or of nobody's here
                os.waitpid(self.number, os.WNOHANG)
            if time.monotonic() > deadline:
                raise LabError(f"process {self.number} does not end; look at /proc/{self.number}/stack")
            time.sleep(0.02)


def boot_id() -> str:
    """The same from the start of the machine to its end; empty where the system does not say."""
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""


def _group_lives(leader: int) -> bool:
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended while we looked
            state, _, group = _fields(int(folder.name))[:3]
            if group == str(leader) and state != "Z":
                return True
    return False


def _fields(number: int) -> list[str]:
    # the program's name is in brackets and may have spaces; what follows it has none
    return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()


def _born(number: int) -> int:
    return int(_fields(number)[19])


def _state(number: int) -> str:
    return _fields(number)[0]


def wait_until_ready(folder: Path, keeper: Pid) -> None:
    """The keeper says that all has started. Raises LabError with the last lines of the log when it failed."""
    deadline = time.monotonic() + START_PATIENCE
    while not (folder / "ready").exists():
        if (folder / "failed").exists() or not keeper.lives():
            raise LabError(f"the lab did not start: {_why(folder)}")
        if time.monotonic() > deadline:
            raise LabError(f"the lab did not start within {START_PATIENCE:.0f} s; logs: {folder / 'logs'}")
        time.sleep(0.02)


def _why(folder: Path) -> str:
    failed = folder / "failed"
    reason = failed.read_text() if failed.exists() else "its first process ended"
    name = reason.split(" ", 1)[0]
    log = folder / "logs" / f"{name}.log"
    last = log if log.exists() else folder / "logs" / "keeper.log"
    tail = last.read_text(errors="replace").splitlines()[-8:] if last.exists() else []
    return "\n  ".join([reason, *tail])
