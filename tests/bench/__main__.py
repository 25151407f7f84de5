"""`python -m tests.bench`: the figures of the README, beside the floor, a peer and the budget."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from typing import Final, NoReturn

import uvloop

from tests import cluster
from tests.bench import builds, operator, report, serving
from tests.bench.report import Row
from tests.bench.stage import QUICK, Size

LAB: Final = "bench"
NODE: Final = "bench-node"


def main() -> int:
    """Prints the tables; the exit code is 1 when a budget was missed."""
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
        "--node", default="", metavar="LAB", help="a running node lab for the builds, instead of a new one"
    )
    parser.add_argument("--keep", action="store_true", help="leave the labs running afterwards")
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
    return _print("The operator, on a control plane whose pods are played", rows)


def _build(given: argparse.Namespace) -> bool:
    if given.node:
        return _built_on(_running(given.node))
    if os.geteuid() != 0:
        print("BUILDS ARE NOT MEASURED: that needs a real node, and a node needs root\n", flush=True)
        return True
    lab = cluster.up_node(NODE)
    try:
        return _built_on(lab)
    finally:
        if not given.keep:
            cluster.down(NODE)


def _running(name: str) -> cluster.NodeLab:
    lab = cluster.find(name)
    if not isinstance(lab, cluster.NodeLab):
        raise SystemExit(f"no node lab '{name}' runs; make lab-up NODE=1 NAME={name}")
    return lab


def _built_on(lab: cluster.NodeLab) -> bool:
    return _print(
        "A small scikit-learn model, from its source to its pod", builds.rows(lab), peer="elsewhere"
    )


def _server(given: argparse.Namespace) -> bool:
    rows = serving.rows(seconds=1.0, rounds=1) if given.quick else serving.rows()
    title = "The model server, on one core, loopback"
    return _print(title, rows, floor="FastAPI by hand", peer="elsewhere")


def _print(title: str, rows: list[Row], **beside: str) -> bool:
    """Printed; whether every budget was met."""
    print(report.table(title, rows, **beside), flush=True)
    return not any(row.verdict.startswith("missed") for row in rows)


def _end(_signal: int, _frame: object) -> NoReturn:
    """So that the operators and labs that were started end with us."""
    raise SystemExit(143)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    sys.exit(main())
