"""Nodes and pods that only pretend: KWOK sets their status, so that a control plane alone makes pods ready."""

import json
from pathlib import Path
from typing import Any

from tests.cluster import binaries
from tests.cluster.plan import Process

NODES = 20
PODS_PER_NODE = 500
STAGES = Path(__file__).parent / "stages.yaml"


def process(kubeconfig: Path, *, after: str) -> Process:
    """KWOK, playing every node of the cluster by the rules of stages.yaml."""
    argv = [
        str(binaries.path_of("kwok")),
        f"--kubeconfig={kubeconfig}",
        f"--config={STAGES}",
        "--manage-all-nodes=true",
        "--cidr=10.128.0.0/14",
        "--node-ip=192.0.2.2",  # an address of the documentation: nobody listens there
        "--node-lease-duration-seconds=40",
    ]
    return Process("kwok", argv, after=[after])


def nodes() -> str:
    """A list of the Node objects, as JSON."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [_node(index) for index in range(NODES)]})


def _node(index: int) -> dict[str, Any]:
    name = f"fake-{index:02}"
    room = {"cpu": "256", "memory": "1Ti", "ephemeral-storage": "10Ti", "pods": str(PODS_PER_NODE)}
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "status": {"allocatable": room, "capacity": room, "nodeInfo": {"kubeletVersion": "fake"}},
    }
