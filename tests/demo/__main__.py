"""`python -m tests.demo`: prepares a cluster, runs the demo, and prints commands to look around."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from tests.cluster.errors import LabError
from tests.demo import arguments, on_cluster, on_lab
from tests.demo.arguments import Options
from tests.demo.story import NAME, Stage, Story, say
from tests.stage.load import Tally


def _prepare(options: Options) -> Stage:
    if options.cluster is None:
        return on_lab.prepare()
    return on_cluster.prepare(options, options.cluster)


def main(argv: list[str] | None = None, *, prepare: Callable[[Options], Stage] = _prepare) -> int:
    """Run the demo. Return the exit code: 0 if it ends as expected and no request fails."""
    began = time.monotonic()
    try:
        options = arguments.parse(argv)
        if options.down and options.cluster:
            on_cluster.remove(options.cluster)
            return 0
        stage = prepare(options)
        tally = _run(stage, options, began)
    except (LabError, TimeoutError, RuntimeError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    _print_summary(stage, tally, time.monotonic() - began)
    return 1 if tally.failed else 0


def _run(stage: Stage, options: Options, began: float) -> Tally:
    try:
        return Story(stage, began=began).play()
    except (LabError, TimeoutError, RuntimeError) as error:
        if options.cluster is None:
            raise
        raise on_cluster.with_removal_command(options.cluster, error) from error


def _print_summary(stage: Stage, tally: Tally, seconds: float) -> None:
    total = tally.answered + tally.failed
    faults = f" {dict(tally.faults)}" if tally.faults else ""
    say(f"{total} requests, {tally.failed} failed, in {seconds:.0f} s.{faults}")
    print(f"\n{stage.look_around(NAME)}\n")


if __name__ == "__main__":
    sys.exit(main())
