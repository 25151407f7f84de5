"""Runs groups as processes side by side, as many at once as the capacities allow."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.run.groups import Group, Resource

POLL: Final = 0.1
"""Seconds between two looks at the running processes."""
HEARTBEAT: Final = 60.0
"""Seconds after which a line says what still runs."""
END_PATIENCE: Final = 120.0
"""Seconds that an interrupted group has to end its labs."""

Capacity = Mapping[Resource, int]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ended:
    """A group that has run: its exit code, when it began after the start of the whole run, and what it took."""

    group: Group
    code: int
    began: float
    seconds: float
    cpu_seconds: float
    """Of its process and the programs that it started and waited for; labs are not among them."""


def startable(
    waiting: Sequence[Group], running: Collection[Group], ended: Collection[str], capacity: Capacity
) -> Group | None:
    """Return the first waiting group that may start now, or None."""
    clusters = [group for group in running if group.resource != "processor"]
    for group in waiting:
        used = sum(1 for other in running if other.resource == group.resource)
        if used == capacity[group.resource] or not all(name in ended for name in group.after):
            continue
        if group.resource != "processor" and clusters and (group.quiet or clusters[0].quiet):
            continue
        return group
    return None


@dataclass(slots=True)
class _Running:
    group: Group
    process: subprocess.Popen[bytes]
    began: float


@dataclass
class Scheduler:
    """Runs groups until all have ended. `argv_of` gives a group's command line, `folder` receives the logs."""

    folder: Path
    capacity: Capacity
    argv_of: Callable[[Group], Sequence[str]]
    say: Say
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    clock: Callable[[], float] = time.monotonic

    def run(self, groups: Sequence[Group]) -> list[Ended]:
        """Return one result for each group, in the order in which they ended."""
        start, waiting, running, ended = self.clock(), list(groups), list[_Running](), list[Ended]()
        said = start
        try:
            while waiting or running:
                while group := self._next(waiting, running, ended):
                    waiting.remove(group)
                    running.append(self._start(group))
                ended += self._reap(running, start)
                if self.clock() - said > HEARTBEAT:
                    said = self.clock()
                    names = ", ".join(each.group.name for each in running)
                    self.say(f"{clock_text(said - start)} still running: {names}")
                time.sleep(POLL)
        except BaseException:
            self._interrupt(running)
            raise
        return ended

    def _next(
        self, waiting: Sequence[Group], running: Sequence[_Running], ended: Sequence[Ended]
    ) -> Group | None:
        busy, done = [each.group for each in running], {each.group.name for each in ended}
        return startable(waiting, busy, done, self.capacity)

    def _start(self, group: Group) -> _Running:
        # what computes yields to what waits for a cluster: a cluster that starves breaks promises about time
        nice = ["nice", "-n", "10"] if group.resource == "processor" else []
        with group.log_file(self.folder).open("wb") as log:
            process = subprocess.Popen(
                [*nice, *self.argv_of(group)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
            )
        return _Running(group, process, self.clock())

    def _reap(self, running: list[_Running], start: float) -> list[Ended]:
        found = []
        for each in list(running):
            pid, status, usage = os.wait4(each.process.pid, os.WNOHANG)
            if pid == 0:
                continue
            each.process.returncode = os.waitstatus_to_exitcode(status)
            running.remove(each)
            took, used = self.clock() - each.began, usage.ru_utime + usage.ru_stime
            found.append(Ended(each.group, each.process.returncode, each.began - start, took, used))
            verdict = "" if each.process.returncode in SUCCESS else "FAILED "
            self.say(f"{clock_text(self.clock() - start)} {verdict}{each.group.name}: {took:.0f} s")
        return found

    def _interrupt(self, running: Sequence[_Running]) -> None:
        for each in running:
            each.process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + END_PATIENCE
        for each in running:
            try:
                each.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                each.process.kill()
                each.process.wait()


NO_TESTS: Final = 5
"""pytest's exit code for a selection that matches no test."""
SUCCESS: Final = (0, NO_TESTS)


def clock_text(seconds: float) -> str:
    """Return minutes and seconds, as in 3:07."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
