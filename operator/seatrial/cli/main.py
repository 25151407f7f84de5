"""The commands `seatrial` and `kubectl seatrial`."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib import metadata as distributions

from seatrial.cli import cluster, decide, plan
from seatrial.cli.cluster import Connect
from seatrial.cli.errors import CommandError


def utc_now() -> datetime:
    """Return the time of the wall clock."""
    return datetime.now(UTC)


def main(
    arguments: list[str] | None = None,
    *,
    connect: Connect = cluster.connect_with_kubeconfig,
    clock: Callable[[], datetime] = utc_now,
) -> None:
    """Run one command. If it fails, print its error and exit with status 2."""
    options = _parser(connect, clock).parse_args(arguments)
    try:
        text: str = options.run(options)
    except CommandError as error:
        sys.exit(_print_errors(error.args))
    _print(text)


def _print(text: str) -> None:
    """Print the text; a character that the terminal cannot show becomes `?`, a closed pipe ends the process."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes stdout again when it exits, and would report the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _print_errors(sentences: Iterable[object]) -> int:
    sys.stderr.writelines(f"seatrial: {sentence}\n" for sentence in sentences)
    return 2


def _parser(connect: Connect, clock: Callable[[], datetime]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seatrial",
        description="Plan model deployments offline, and decide about their rollouts.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    plan.add_command(commands)
    decide.add_command(commands, connect, clock)
    version = commands.add_parser("version", help="print the version")
    version.set_defaults(run=_version)
    return parser


def _version(_: argparse.Namespace) -> str:
    return f"seatrial {distributions.version('seatrial')}\n"


if __name__ == "__main__":
    main()
