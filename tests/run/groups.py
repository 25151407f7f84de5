"""The groups: which tests run in one process, what they mostly wait for, and what may run beside them.

Every test file belongs to exactly one group: a group takes the paths that it names, and "everything else" takes the
rest, so that a new file is never forgotten.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from tests.cluster import fixtures

Resource = Literal["processor", "control plane", "node"]
ROOT: Final = Path(__file__).resolve().parents[2]
FAST: Final = "not controlplane and not node and not slow"
"""The tests of `make check`, as a pytest marker expression."""


@dataclass(frozen=True, slots=True)
class Group:
    """One process. `resource` is what it mostly uses; how many groups may use it at once is its capacity."""

    name: str
    paths: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    resource: Resource = "processor"
    after: tuple[str, ...] = ()
    """Names of groups that must have ended before this one starts."""
    quiet: bool = False
    """It measures how fast a cluster is, or loses no request: meanwhile only groups run that compute and yield."""

    @property
    def file_name(self) -> str:
        return "".join(letter if letter.isalnum() else "-" for letter in self.name)

    def argv(self, folder: Path, *, select: str = "") -> list[str]:
        """The command line; pytest writes its results to `results_file(folder)`."""
        if self.command:
            return list(self.command)
        argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        argv += [f"--junitxml={self.results_file(folder)}", *(("-m", select) if select else ())]
        return [*argv, *self.paths]

    def results_file(self, folder: Path) -> Path:
        return folder / f"{self.file_name}.xml"

    def log_file(self, folder: Path) -> Path:
        return folder / f"{self.file_name}.log"


DOWN: Final = f'[ -n "${fixtures.KEEP}" ] || exec "$0" -m tests.cluster down --name "${fixtures.SHARED_NODE}"'


def _tool(name: str, *arguments: str) -> tuple[str, ...]:
    return (str(Path(sys.executable).with_name(name)), *arguments)


CHECKS: Final = (
    Group("types", command=_tool("mypy")),
    Group("lint", command=_tool("ruff", "check", ".")),
    Group("format", command=_tool("ruff", "format", "--check", ".")),
    Group("layers", command=_tool("lint-imports")),
)

BUILDING: Final = (
    Group(
        "node: bad input, checks",
        ("tests/node/test_bad_input.py", "tests/node/test_checks.py"),
        resource="node",
    ),
    Group(
        "node: formats, demo, chart",
        (
            "tests/node/test_formats.py",
            "tests/node/test_demo_on_a_given_cluster.py",
            "tests/node/test_chart.py",
        ),
        resource="node",
    ),
    Group("lab: nodes", ("tests/lab/test_node.py", "tests/lab/test_nodes_side_by_side.py"), resource="node"),
)
"""They share one node and its operator, and make it build many models at once."""

SERVING: Final = (
    Group(
        "node: autoscaling",
        ("tests/node/test_autoscaling.py",),
        resource="node",
        after=tuple(group.name for group in BUILDING),
        quiet=True,
    ),
    Group(
        "node: serving, server pods",
        ("tests/node/test_serving.py", "tests/node/test_server_pod.py"),
        resource="node",
        after=tuple(group.name for group in BUILDING),
        quiet=True,
    ),
)
"""On the same node, with users none of whose requests may fail: not while it builds many models, nor beside
another cluster."""

ON_A_CONTROL_PLANE: Final = (
    Group("operator crashes", ("tests/e2e/test_crashes_on_the_control_plane.py",), resource="control plane"),
    Group(
        "operator processes, benchmark",
        (
            "tests/e2e/test_processes_on_the_control_plane.py",
            "tests/e2e/test_bench_on_the_control_plane.py",
        ),
        resource="control plane",
    ),
    Group(
        "chart",
        ("tests/e2e/test_chart_on_the_server.py", "tests/e2e/test_stolen_token_on_the_server.py"),
        resource="control plane",
    ),
    Group(
        "operator, decisions, CRDs",
        (
            "tests/e2e/test_operator_on_the_control_plane.py",
            "tests/e2e/test_decisions_on_the_control_plane.py",
            "tests/e2e/test_crd_on_the_server.py",
            "tests/e2e/test_kubectl_on_the_server.py",
            "tests/e2e/test_scaling_on_the_control_plane.py",
        ),
        resource="control plane",
    ),
    Group("lab: control planes", ("tests/lab/test_control_plane.py",), resource="control plane"),
)
"""Each starts a control plane of its own: an operator of one group would take the objects of another."""

COMPUTING: Final = (
    Group("stories", ("tests/stories",)),
    Group("model runtime: server", ("tests/unit/runtime/server",)),
    Group("model runtime: fidelity", ("tests/fidelity",)),
    Group("command line, demo, project", ("tests/unit/cli", "tests/unit/demo", "tests/project")),
    Group("model runtime: formats, registry", ("tests/unit/runtime/formats", "tests/unit/runtime/registry")),
    Group("model runtime: builder, sources", ("tests/unit/runtime/builder", "tests/unit/runtime/sources")),
)

CONTRACT: Final = Group("API server contract", ("tests/contract",), resource="control plane")

# it takes the operator away from everybody
OPERATOR_KILLED: Final = Group(
    "node: operator killed",
    ("tests/node/test_operator_killed.py",),
    resource="node",
    after=tuple(group.name for group in SERVING),
)
FIRST_ANSWER: Final = Group(
    "node: time to first answer",
    ("tests/node/test_first_answer.py",),
    resource="node",
    after=(OPERATOR_KILLED.name, CONTRACT.name, *(group.name for group in ON_A_CONTROL_PLANE)),
    quiet=True,
)
TAKE_DOWN: Final = Group(
    "node: take it down",
    command=("sh", "-c", DOWN, sys.executable),
    resource="node",
    # all of them by name: with `--only` some are not there to be waited for
    after=tuple(group.name for group in (*BUILDING, *SERVING, OPERATOR_KILLED, FIRST_ANSWER)),
)
"""A part of the run, because removing its files takes half a minute."""

CLUSTER: Final = (
    *BUILDING,
    *SERVING,
    *ON_A_CONTROL_PLANE,
    CONTRACT,
    OPERATOR_KILLED,
    FIRST_ANSWER,
    TAKE_DOWN,
)


def _everything_else() -> Group:
    """Return the group of all test files that no other group names."""
    named = (path for group in (*CLUSTER, *COMPUTING) for path in group.paths)
    return Group("everything else", ("tests", *(f"--ignore={path}" for path in named)))


UNIT: Final = (_everything_else(), *COMPUTING)
CHECK: Final = (*CHECKS, CONTRACT, *UNIT)
"""`make check`, with the tests that FAST selects."""
TEST: Final = (*CHECKS, *CLUSTER, *UNIT)
"""`make test`."""


def selected(groups: Sequence[Group], names: Collection[str]) -> tuple[Group, ...]:
    """Return the groups of these names; all of them for no names. They wait for each other alone."""
    chosen = [group for group in groups if not names or group.name in names]
    present = {group.name for group in chosen}
    return tuple(replace(group, after=tuple(n for n in group.after if n in present)) for group in chosen)
