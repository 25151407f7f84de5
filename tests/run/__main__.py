"""`python -m tests.run check|test`: what `make check` and `make test` run."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests import cluster
from tests.cluster import fixtures
from tests.run import groups, results
from tests.run.groups import Group
from tests.run.results import Result
from tests.run.scheduling import Capacity, Scheduler, clock_text


def main(argv: Sequence[str] | None = None) -> int:
    """Run the groups; return 0 when nothing failed. The last line printed is `N passed, N failed, N skipped`."""
    arguments = _parser().parse_args(argv)
    everything, select = (groups.CHECK, groups.FAST) if arguments.what == "check" else (groups.TEST, "")
    chosen = groups.selected(everything, arguments.only)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # ignored in a shell's background, and by the groups
    with tempfile.TemporaryDirectory(prefix="seatrial-tests-") as folder:
        found = _run(chosen, Path(folder), select)
    return 1 if any(result.failed for result in found) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.run", description=__doc__)
    parser.add_argument("what", choices=("check", "test"))
    names = [group.name for group in groups.TEST]
    parser.add_argument("--only", action="append", default=[], choices=names, help="run this group alone")
    return parser


def _run(chosen: Sequence[Group], folder: Path, select: str) -> list[Result]:
    node = f"test-node-{os.getpid()}"
    scheduler = Scheduler(
        folder,
        capacity(os.environ),
        lambda group: group.argv(folder, select=select),
        say=lambda line: print(f"· {line}", flush=True),
        environment=environment(os.environ, node),
    )
    began, busy = time.monotonic(), _busy_seconds()
    try:
        ended = scheduler.run(chosen)
    finally:
        if not os.environ.get(fixtures.KEEP):
            cluster.down(node)
    found = [results.result_of(each, folder) for each in ended]
    _print(found, seconds=time.monotonic() - began, busy=_busy_seconds() - busy)
    return found


def environment(of_this_process: Mapping[str, str], node: str) -> dict[str, str]:
    """Return the groups' environment: they share a node, and what one compiles the others need not."""
    found = {**of_this_process, fixtures.SHARED_NODE: node}
    found.pop("PYTHONDONTWRITEBYTECODE", None)  # hundreds of processes start, of the same modules
    return found


def capacity(environment: Mapping[str, str]) -> Capacity:
    """Return how many groups may use each resource at once."""
    # groups with a control plane of their own do not disturb each other; a cluster that was given is one for all
    is_shared = environment.get(fixtures.GIVEN) or environment.get(fixtures.KEEP)
    # one more than there are processors: most unit tests wait a little, too
    return {"processor": (os.cpu_count() or 1) + 1, "control plane": 1 if is_shared else 3, "node": 3}


def _busy_seconds() -> float:
    """Return the seconds that the machine's processors have worked since its start, whoever they worked for."""
    user, nice, system, *_ = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def _print(found: Sequence[Result], *, seconds: float, busy: float) -> None:
    for result in found:
        if result.failed:
            print(f"\n======== {result.ended.group.name} FAILED ========\n{result.report()}")
    print("\n======== where the time went ========", *results.table(found), sep="\n")
    share = 100 * busy / seconds / (os.cpu_count() or 1)
    print(f"{clock_text(seconds)} in all; this machine's processors were busy for {share:.0f} % of it")
    print("\n======== slowest tests ========", *results.slowest(found), sep="\n")
    if skips := results.skip_lines(found):
        print("\n======== skipped ========", *skips, sep="\n")
    print(f"\n{results.closing_line(found)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
