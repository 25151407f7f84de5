"""`python -m tests.bench`: the figures of the README, beside the floor, a peer and the budget."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from typing import Final

import uvloop

from tests import cluster
from tests.bench import operator, report
from tests.bench.stage import QUICK, Size

LAB: Final = "bench"


def main() -> int:
    """Prints the tables; the exit code is 1 when a budget is missed."""
    given = _parser().parse_args()
    sections: dict[str, Callable[[argparse.Namespace], bool]] = {
        "operator": _operator,
        "build": _build,
        "server": _server,
    }
    chosen = [given.only] if given.only else list(sections)
    print(_surroundings(), flush=True)
    met = [sections[name](given) for name in chosen]
    return 0 if all(met) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100 objects instead of 1,000, short rests")
    parser.add_argument("--only", choices=("operator", "build", "server"), help="one section")
    parser.add_argument("--part", choices=tuple(operator.PARTS), default="", help="of the operator's section")
    parser.add_argument(
        "--node", default="", metavar="LAB", help="a running node lab: builds are measured on it"
    )
    parser.add_argument("--keep", action="store_true", help="leave the control plane running afterwards")
    return parser


def _surroundings() -> str:
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores, load {load} before the start: what else runs here is in every figure\n"


def _operator(given: argparse.Namespace) -> bool:
    size = QUICK if given.quick else Size()
    lab = cluster.up(LAB)
    try:
        rows = uvloop.run(operator.rows(lab, size, only=given.part))
    finally:
        if not given.keep:
            cluster.down(LAB)
    print(report.table("The operator, on a control plane whose pods are played", rows), flush=True)
    return not any(row.verdict.startswith("missed") for row in rows)


def _build(given: argparse.Namespace) -> bool:
    return True


def _server(given: argparse.Namespace) -> bool:
    return True


if __name__ == "__main__":
    sys.exit(main())
