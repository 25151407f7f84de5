"""The commands `seatrial` and `kubectl seatrial`."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Iterable
from importlib import metadata as distributions

from seatrial.cli import cluster, decide, plan
from seatrial.cli.cluster import Connect
from seatrial.cli.yaml_input import Unusable


def main(arguments: list[str] | None = None, *, connect: Connect = cluster.of_kubeconfig) -> None:
    """Runs one command; ends the process with status 2 and a sentence when it cannot."""
    given = _parser(connect).parse_args(arguments)
    try:
        text: str = given.run(given)
    except Unusable as unusable:
        sys.exit(_failed(unusable.args))
    _print(text)


def _print(text: str) -> None:
    """The whole text, or as much of it as the reader wants; what a terminal cannot show is shown as `?`."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains at its end
        sys.exit(1)


def _failed(sentences: Iterable[object]) -> int:
    sys.stderr.writelines(f"seatrial: {sentence}\n" for sentence in sentences)
    return 2


def _parser(connect: Connect) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seatrial", description="Plans deployments of models, offline, and decides about their rollouts."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    plan.add(commands)
    decide.add(commands, connect)
    version = commands.add_parser("version", help="print the version")
    version.set_defaults(run=_version)
    return parser


def _version(_: argparse.Namespace) -> str:
    return f"seatrial {distributions.version('seatrial')}\n"


if __name__ == "__main__":
    main()
