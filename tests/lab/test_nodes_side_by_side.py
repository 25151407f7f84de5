"""Two nodes at once on one machine; when they end, the machine is as it was."""

import os
from pathlib import Path

import pytest

from tests import cluster
from tests.cluster import cache, cgroups, node

pytestmark = [pytest.mark.node, pytest.mark.slow]


def machine() -> dict[str, object]:
    """What a node must not change."""
    return {
        "sysctls": {name: Path("/proc/sys", name).read_text() for name in node.MACHINE_WIDE},
        "links": sorted(path.name for path in Path("/sys/class/net").iterdir()),
        "mounts": [line for line in Path("/proc/self/mounts").read_text().splitlines() if _is_ours(line)],
    }


def _is_ours(mount: str) -> bool:
    """Whether it lies in a lab, or on a folder that nodes have for themselves; images are built elsewhere."""
    return any(str(folder) in mount for folder in (cache.labs(), *node.FIXED_FOLDERS))


def test_two_nodes_run_side_by_side_and_leave_nothing(node_lab: cluster.NodeLab) -> None:
    before = machine()
    name = f"node-b-{os.getpid()}"
    try:
        other = cluster.up_node(name)
        assert set(other.record.ports.values()).isdisjoint(node_lab.record.ports.values())
        node_lab.kubectl("create", "namespace", f"only-{os.getpid()}")
        assert f"only-{os.getpid()}" not in other.kubectl("get", "namespaces", "-o", "name")
    finally:
        cluster.down(name)
        node_lab.kubectl("delete", "namespace", f"only-{os.getpid()}", "--ignore-not-found", "--wait=false")
    assert not other.folder.exists()
    assert [group for group in cgroups.node_groups() if group.name == other.node.groups.name] == []
    assert machine() == before
    assert node_lab.kubectl("get", "--raw", "/readyz") == "ok"
