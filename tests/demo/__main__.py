"""`python -m tests.demo`: sets the stage, plays the story, and says how to look around."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from tests.cluster.errors import LabError
from tests.demo import arguments, on_cluster, on_lab
from tests.demo.arguments import Wanted
from tests.demo.story import NAME, Stage, Story, say
from tests.stage.load import Tally


def _stage(wanted: Wanted) -> Stage:
    if wanted.cluster is None:
        return on_lab.prepared()
    return on_cluster.prepared(wanted, wanted.cluster)


def main(argv: list[str] | None = None, *, set_up: Callable[[Wanted], Stage] = _stage) -> int:
    """The exit code: 0 when the story ended as it should and no request failed."""
    began = time.monotonic()
    try:
        wanted = arguments.wanted(argv)
        if wanted.down and wanted.cluster:
            on_cluster.removed(wanted.cluster)
            return 0
        stage = set_up(wanted)
        tally = _played(stage, wanted, began)
    except (LabError, TimeoutError, RuntimeError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    _farewell(stage, tally, time.monotonic() - began)
    return 1 if tally.failed else 0


def _played(stage: Stage, wanted: Wanted, began: float) -> Tally:
    try:
        return Story(stage, began=began).play()
    except (LabError, TimeoutError, RuntimeError) as error:
        if wanted.cluster is None:
            raise
        raise on_cluster.failure(wanted.cluster, error) from error


def _farewell(stage: Stage, tally: Tally, seconds: float) -> None:
    total = tally.answered + tally.failed
    faults = f" {dict(tally.faults)}" if tally.faults else ""
    say(f"{total} requests, {tally.failed} failed, in {seconds:.0f} s.{faults}")
    print(f"\n{stage.look_around(NAME)}\n")


if __name__ == "__main__":
    sys.exit(main())
