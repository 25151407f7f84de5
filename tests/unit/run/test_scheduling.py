"""Which group may start, and what is known of one that has ended."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.run.groups import Group
from tests.run.scheduling import Capacity, Scheduler, clock_text, startable

CAPACITY: Capacity = {"processor": 2, "control plane": 3, "node": 1}
A, B, C = Group("a"), Group("b"), Group("c")
NODE, OTHER_NODE = Group("node", resource="node"), Group("other", resource="node")
PLANE = Group("plane", resource="control plane")
QUIET = Group("quiet", resource="node", quiet=True)


@pytest.mark.parametrize(
    ("waiting", "running", "started"),
    [
        pytest.param([A, B], [], A, id="the first one"),
        pytest.param([C], [A], C, id="beside another, as capacity allows"),
        pytest.param([C], [A, B], None, id="not beyond the capacity"),
        pytest.param([C, NODE], [A, B], NODE, id="one that uses another resource overtakes"),
        pytest.param([OTHER_NODE], [NODE], None, id="a resource for one at a time"),
        pytest.param([QUIET, A], [PLANE], A, id="what measures a cluster waits while another one is used"),
        pytest.param([QUIET], [A], QUIET, id="what measures a cluster runs beside what computes"),
        pytest.param([PLANE, C], [QUIET], C, id="beside what measures a cluster starts only what computes"),
        pytest.param([], [A], None, id="nothing waits"),
    ],
)
def test_the_first_group_that_may_start(
    waiting: Sequence[Group], running: Sequence[Group], started: Group | None
) -> None:
    assert startable(waiting, running, (), CAPACITY) == started


@pytest.mark.parametrize(("ended", "starts"), [((), False), (("a",), False), (("a", "b"), True)])
def test_a_group_starts_after_all_that_it_waits_for(ended: Sequence[str], starts: bool) -> None:
    last = Group("last", after=("a", "b"))
    assert (startable([last], [], ended, CAPACITY) == last) is starts


def scheduler(folder: Path, said: list[str] | None = None) -> Scheduler:
    said = [] if said is None else said
    return Scheduler(folder, CAPACITY, lambda group: group.argv(folder), said.append)


def test_a_group_has_its_code_its_log_and_its_processor_time(tmp_path: Path) -> None:
    said: list[str] = []
    busy = "import sys; sum(range(10**7)); print('one'); print('two', file=sys.stderr); sys.exit(3)"
    group = Group("busy one", command=(sys.executable, "-c", busy))
    (ended,) = scheduler(tmp_path, said).run([group])
    assert ended.code == 3
    assert ended.cpu_seconds > 0.05
    assert sorted(ended.group.log_file(tmp_path).read_text().split()) == ["one", "two"]
    assert "FAILED busy one" in said[-1]


def test_groups_run_side_by_side(tmp_path: Path) -> None:
    """Each waits for a file that the other writes."""
    meet = (
        "import pathlib, sys, time\npathlib.Path(sys.argv[1]).touch()\n"
        "while not pathlib.Path(sys.argv[2]).exists(): time.sleep(0.01)"
    )
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    pair = [
        Group(name, command=(sys.executable, "-c", meet, mine, theirs))
        for name, mine, theirs in (("a", one, two), ("b", two, one))
    ]
    assert [ended.code for ended in scheduler(tmp_path).run(pair)] == [0, 0]


SLEEPS = """
import pathlib, sys, time
started, ended = map(pathlib.Path, sys.argv[1:])
try:
    started.touch()
    time.sleep(600)
except KeyboardInterrupt:
    ended.touch()
"""


def test_what_runs_is_ended_when_the_run_is_interrupted(tmp_path: Path) -> None:
    started, ended = tmp_path / "started", tmp_path / "ended"
    sleeper = Group("x", command=(sys.executable, "-c", SLEEPS, str(started), str(ended)))

    def clock() -> float:
        if started.exists():
            raise KeyboardInterrupt
        return 0.0

    running = scheduler(tmp_path)
    running.clock = clock
    with pytest.raises(KeyboardInterrupt):
        running.run([sleeper])
    assert ended.exists()


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (67, "1:07"), (3600, "60:00")])
def test_times_are_minutes_and_seconds(seconds: float, text: str) -> None:
    assert clock_text(seconds) == text
