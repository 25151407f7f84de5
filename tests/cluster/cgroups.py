"""The control groups of one node, on cgroup v1 (one folder per controller) and v2 (one delegated folder).

Version 2 could only be tried by reading: the machines this was written on have version 1. It is kept small.
"""

import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.errors import LabError

ROOT = Path("/sys/fs/cgroup")
WANTED_V1 = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "systemd")
WANTED_V2 = ("cpu", "cpuset", "io", "memory", "pids")
NEEDED_V2 = ("cpu", "memory", "pids")
PATIENCE = 60.0  # seconds until killed processes have left their groups
# four times what the rest of the machine gets: a cluster that starves answers late, and unit tests can wait
CPU_WEIGHTS = {"cpu.shares": "4096", "cpu.weight": "400"}


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups named `seatrial-NAME`, in every hierarchy of this machine."""

    name: str

    @property
    def unified(self) -> bool:
        return (ROOT / "cgroup.controllers").exists()

    def tops(self) -> list[Path]:
        """The outermost folders of the node, one for each hierarchy."""
        if self.unified:
            return [ROOT / self.name]
        return [hierarchy / self.name for hierarchy in hierarchies()]

    def roots(self) -> list[Path]:
        """What the node sees as the root of each hierarchy."""
        # on v2 a group that has children with controllers may have no process, so there is one more level
        return [top / "node" for top in self.tops()] if self.unified else self.tops()

    def create(self) -> None:
        """The groups exist and can be joined. Raises LabError when this machine does not let us."""
        try:
            if self.unified:
                _enable(ROOT)
            for top, root in zip(self.tops(), self.roots(), strict=True):
                top.mkdir(exist_ok=True)
                if self.unified:
                    _check_delegated(top)
                    _enable(top)
                    (top / "outer").mkdir(exist_ok=True)
                if top.parent.name == "cpuset":
                    _copy_cpuset(top)
                root.mkdir(exist_ok=True)
                _weigh(top)
        except OSError as error:
            raise LabError(
                f"cgroups cannot be made ({error}); start the machine or container with them"
            ) from error

    def put_aside(self, pid: int) -> None:
        """On v2, the process outside that holds the namespaces does not keep the node's root busy."""
        if self.unified:
            (ROOT / self.name / "outer" / "cgroup.procs").write_text(str(pid))

    def mounts(self) -> list[Sequence[str]]:
        """Commands that show the node its own groups, and nothing else, below /sys/fs/cgroup."""
        if self.unified:
            return [["mount", "-t", "cgroup2", "cgroup2", str(ROOT)], ["sh", "-ec", DELEGATE]]
        commands: list[Sequence[str]] = [["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(ROOT)]]
        for top in self.tops():
            controller = top.parent.name
            options = "none,name=systemd" if controller == "systemd" else controller
            commands.append(["mkdir", "-p", str(ROOT / controller)])
            commands.append(["mount", "-t", "cgroup", "-o", options, "cgroup", str(ROOT / controller)])
            # where several controllers share one hierarchy, each is looked for by its own name too
            alone = [each for each in controller.split(",") if each != controller]
            commands += [["ln", "-s", controller, str(ROOT / each)] for each in alone]
        return commands

    def remove(self) -> None:
        """The groups are gone. Their processes must have been killed."""
        deadline = time.monotonic() + PATIENCE
        while left := [top for top in self.tops() if not _removed(top)]:
            if time.monotonic() > deadline:
                raise LabError(f"cgroups with living processes: {', '.join(map(str, left))}")
            time.sleep(0.05)


def node_groups() -> list[Path]:
    """The groups of all nodes on this machine, whoever started them."""
    return [*ROOT.glob("seatrial-*"), *ROOT.glob("*/seatrial-*")]


def hierarchies() -> list[Path]:
    """The folders of the wanted controllers on v1, each once: some machines have `cpu` and `cpuacct` in one."""
    found = [(ROOT / each).resolve() for each in WANTED_V1 if (ROOT / each).is_dir()]
    return list(dict.fromkeys(found))


def missing(controllers: str) -> list[str]:
    """Without which of the v2 controllers in `cgroup.controllers` no pod can be limited."""
    return [each for each in NEEDED_V2 if each not in controllers.split()]


DELEGATE = f"""
mkdir -p {ROOT}/init
echo 1 > {ROOT}/init/cgroup.procs
echo $$ > {ROOT}/init/cgroup.procs
for try in $(seq 100); do [ -z "$(cat {ROOT}/cgroup.procs)" ] && break; sleep 0.05; done
for each in {" ".join(WANTED_V2)}; do echo +$each > {ROOT}/cgroup.subtree_control || true; done
"""


def _check_delegated(group: Path) -> None:
    if lacking := missing((group / "cgroup.controllers").read_text()):
        raise LabError(
            f"this machine gives its cgroups no {', '.join(lacking)}; start the container with --cgroupns=host, "
            "or run the lab on the machine itself"
        )


def _enable(group: Path) -> None:
    for controller in WANTED_V2:
        with contextlib.suppress(OSError):  # one that this machine has not, or does not delegate
            (group / "cgroup.subtree_control").write_text(f"+{controller}")


def _weigh(group: Path) -> None:
    for name, weight in CPU_WEIGHTS.items():
        if (group / name).exists():
            (group / name).write_text(weight)


def _copy_cpuset(group: Path) -> None:
    """A new cpuset is empty, and an empty one takes no process."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        (group / name).write_text((group.parent / name).read_text())
    (group / "cgroup.clone_children").write_text("1")


def _removed(top: Path) -> bool:
    if not top.exists():
        return True
    for folder, _, _ in os.walk(top, topdown=False):
        with contextlib.suppress(OSError):  # busy for a moment after a kill
            Path(folder).rmdir()
    return not top.exists()
