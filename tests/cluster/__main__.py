"""`python -m tests.cluster up|down|status|exec|logs|tool|programs|images|expect`."""

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Callable

from tests import cluster
from tests.cluster import binaries, debian, expectation, progress, versions
from tests.cluster.errors import LabError

INTERRUPTED = 130  # as shells have it for SIGINT


def main(argv: list[str] | None = None) -> int:
    """The exit code. A missing precondition is one sentence on standard error and 1."""
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=cluster.__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    named = argparse.ArgumentParser(add_help=False)
    named.add_argument("--name", default="lab", help="which lab (default: lab)")

    up = commands.add_parser("up", parents=[named], help="start it, or find it running")
    up.add_argument("--flavour", choices=("control-plane", "node"), default="control-plane")
    up.set_defaults(command=_up)
    commands.add_parser("down", parents=[named], help="end it, leave nothing").set_defaults(command=_down)
    commands.add_parser("status", parents=[named], help="an `export` line and what runs").set_defaults(
        command=_status
    )
    run = commands.add_parser("exec", parents=[named], help="run a command in it")
    run.add_argument("argv", nargs=argparse.REMAINDER)
    run.set_defaults(command=_exec)
    logs = commands.add_parser("logs", parents=[named], help="print the end of its logs")
    logs.add_argument("process", nargs="?", help="of one process only")
    logs.set_defaults(command=_logs)
    tool = commands.add_parser("tool", help="print the path of a program, building it when needed")
    tool.add_argument("tool")
    tool.set_defaults(command=_tool)
    run_named = argparse.ArgumentParser(add_help=False)
    run_named.add_argument(
        "run", nargs="?", choices=tuple(expectation.RUNS), default="test", help="for make …"
    )
    programs = commands.add_parser("programs", parents=[run_named], help="compile the lab's programs")
    programs.set_defaults(command=_programs)
    images = commands.add_parser("images", parents=[run_named], help="build the runtime and operator images")
    images.set_defaults(command=_images)
    expect = commands.add_parser("expect", parents=[run_named], help="say what it does and how long it takes")
    expect.set_defaults(command=_expect)
    return parser


def _up(arguments: argparse.Namespace) -> int:
    cluster.up(arguments.name, flavour=arguments.flavour)
    return _status(arguments)


def _down(arguments: argparse.Namespace) -> int:
    cluster.down(arguments.name)
    progress.say(f"lab '{arguments.name}' is down")
    return 0


def _status(arguments: argparse.Namespace) -> int:
    found = cluster.find(arguments.name)
    if found is None:
        print(f"# lab '{arguments.name}' does not run; `make lab-up NAME={arguments.name}` starts it")
        for other in cluster.running():
            print(f"# lab '{other.name}' runs: make lab-status NAME={other.name}")
        return 3
    for variable, value in found.environment.items():
        print(f"export {variable}={shlex.quote(value)}")
    for line in found.describe():
        print(f"# {line}")
    return 0


def _exec(arguments: argparse.Namespace) -> int:
    found = _found(arguments.name)
    argv = arguments.argv[1:] if arguments.argv[:1] == ["--"] else arguments.argv
    if not argv:
        raise LabError("nothing to run; give a command after --")
    environment = {**os.environ, **found.environment}
    return subprocess.run(found.command(argv), env=environment, check=False).returncode


def _logs(arguments: argparse.Namespace) -> int:
    files = sorted((_found(arguments.name).folder / "logs").glob(f"{arguments.process or '*'}.log"))
    for file in files:
        lines = file.read_text(errors="replace").splitlines()
        print(f"==> {file}")
        print("\n".join(lines if arguments.process else lines[-10:]))
    return 0


def _tool(arguments: argparse.Namespace) -> int:
    print(binaries.path_of(arguments.tool))
    return 0


def _programs(arguments: argparse.Namespace) -> int:
    for name in (*expectation.RUNS[arguments.run].tools, "kubectl"):
        binaries.path_of(name)
    return 0


def _images(arguments: argparse.Namespace) -> int:
    from tests.cluster import images  # buildah is looked for only where images are built

    debian.ensure(*versions.DEBIAN)  # everything in one go, while others compile
    for name, archive in images.build_all(expectation.RUNS[arguments.run].images).items():
        print(f"{name}\t{archive}")
    return 0


def _expect(arguments: argparse.Namespace) -> int:
    if arguments.run == "demo" and os.geteuid() != 0:
        raise LabError("the demo starts a node, which needs root; use sudo, or a cluster of yours: CONTEXT=…")
    for line in expectation.lines(arguments.run):
        print(line, flush=True)
    return 0


def _found(name: str) -> cluster.Lab:
    found = cluster.find(name)
    if found is None:
        raise LabError(f"lab '{name}' does not run; `make lab-up NAME={name}` starts it")
    return found


if __name__ == "__main__":
    sys.exit(main())
