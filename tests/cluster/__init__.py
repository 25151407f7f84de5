"""A real Kubernetes cluster without Docker, for tests and for looking around.

`up("name")` gives a control plane whose pods are played (no root); `up("name", flavour="node")` a whole node (root).
Labs have names and share nothing, so several run side by side. `python -m tests.cluster --help` is the same by hand.
"""

import os
import sys
from pathlib import Path

from tests.cluster import cache, control_plane_lab, lab, node_lab
from tests.cluster.errors import LabError
from tests.cluster.lab import Flavour, Lab
from tests.cluster.node_lab import NodeLab

__all__ = ["Flavour", "Lab", "LabError", "NodeLab", "down", "end_orphans", "find", "running", "up", "up_node"]


def up(name: str, *, flavour: Flavour = "control-plane") -> Lab:
    """A lab of this name and flavour runs: started now, or found. Raises LabError saying what is missing."""
    if not sys.platform.startswith("linux"):
        raise LabError("the lab needs Linux; elsewhere use a cluster of your own and set KUBECONFIG")
    folder = lab.folder_of(name)
    with cache.locked(cache.labs() / f".{name}.lock"):
        if found := find(name):
            return _same_flavour(found, flavour)
        _clean_up(folder)
        folder.mkdir(mode=0o755)
        try:
            return _start(name, folder, flavour)
        except BaseException:
            if not os.environ.get("SEATRIAL_LAB_KEEP"):  # set it to look at the logs of a failed start
                _clean_up(folder)
            raise


def up_node(name: str) -> NodeLab:
    """`up(name, flavour="node")`, with the type that a node has."""
    started = up(name, flavour="node")
    assert isinstance(started, NodeLab)
    return started


def find(name: str) -> Lab | None:
    """The running lab of this name."""
    folder = lab.folder_of(name)
    record = lab.read_record(folder)
    if record is None or not record.ports or not record.keeper.lives():
        return None
    return NodeLab(folder, record) if record.flavour == "node" else Lab(folder, record)


def running() -> list[Lab]:
    """All running labs of this user, by name."""
    names = sorted(file.parent.name for file in cache.labs().glob(f"*/{lab.RECORD}"))
    return [found for name in names if (found := find(name))]


def down(name: str) -> None:
    """No lab of this name runs, and nothing of it is left."""
    with cache.locked(cache.labs() / f".{name}.lock"):
        _clean_up(lab.folder_of(name))
        (cache.labs() / f".{name}.lock").unlink(missing_ok=True)


def end_orphans(prefix: str) -> None:
    """No lab named `PREFIX-NUMBER` runs whose number is that of no living process: who was killed ends none."""
    for found in cache.labs().glob(f"{prefix}-*"):
        number = found.name.removeprefix(f"{prefix}-")
        if number.isdecimal() and not Path("/proc", number).exists():
            down(found.name)


def _start(name: str, folder: Path, flavour: Flavour) -> Lab:
    if flavour == "node":
        return node_lab.up(name, folder)
    return control_plane_lab.up(name, folder)


def _same_flavour(found: Lab, flavour: Flavour) -> Lab:
    if found.flavour != flavour:
        raise LabError(f"lab '{found.name}' runs as {found.flavour}; take another name or end it first")
    return found


def _clean_up(folder: Path) -> None:
    record = lab.read_record(folder)
    if record is None:
        lab.remove(folder)
    elif record.flavour == "node":
        NodeLab(folder, record).down()
        node_lab.remove_mount_points()
    else:
        Lab(folder, record).down()
