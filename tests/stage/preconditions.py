"""What a cluster of the user's must be before anything is written to it; each lack is one sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from tests.cluster.errors import LabError
from tests.stage.given import GivenCluster

OLDEST: Final = (1, 30)
"""Kubernetes, as in Chart.yaml."""
PATIENCE: Final = "--request-timeout=15s"

Right = tuple[str, str, str]
"""Verb, resource, namespace; no namespace for what stands in none."""


def context_known(cluster: GivenCluster) -> None:
    """The kubeconfig has the context."""
    file = [f"--kubeconfig={cluster.kubeconfig}"] if cluster.kubeconfig else []
    if cluster.kubeconfig and not cluster.kubeconfig.is_file():
        raise LabError(f"there is no kubeconfig {cluster.kubeconfig}")
    listed = GivenCluster("", cluster.kubeconfig).asked("config", "get-contexts", "-o", "name")
    names = listed.stdout.split()
    if cluster.context not in names:
        where = file[0] if file else "your kubeconfig"
        known = f"known: {', '.join(names)}" if names else "it knows none; is KUBECONFIG right?"
        raise LabError(f"there is no context '{cluster.context}' in {where}; {known}")


def answers(cluster: GivenCluster) -> None:
    """The API server answers us, and is not too old."""
    done = cluster.asked("version", "-o", "json", PATIENCE)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise LabError(f"the cluster of context '{cluster.context}' does not answer: {last}")
    version = version_of(json.loads(done.stdout))
    if version < OLDEST:
        raise LabError(
            f"the cluster of context '{cluster.context}' runs Kubernetes {version[0]}.{version[1]}; "
            f"Seatrial needs {OLDEST[0]}.{OLDEST[1]} or newer"
        )


def version_of(document: dict[str, Any]) -> tuple[int, int]:
    """Major and minor of the server in what `kubectl version -o json` prints; providers write the minor as `30+`."""
    server = document.get("serverVersion") or {}
    found = [re.match(r"\d+", str(server.get(part, ""))) for part in ("major", "minor")]
    if not all(found):
        raise LabError(f"the API server tells no version: {json.dumps(server)[:200]}")
    major, minor = (int(number.group()) for number in found if number)
    return major, minor


def allowed(cluster: GivenCluster, rights: Iterable[Right]) -> None:
    """The user has all of these rights."""
    missing = [right for right in rights if not cluster.may(right[0], right[1], namespace=right[2])]
    if missing:
        words = [f"{verb} {what}" + (f" in {where}" if where else "") for verb, what, where in missing]
        raise LabError(f"the user of context '{cluster.context}' may not {', '.join(words)}")


def nodes_fit(nodes: dict[str, Any], architecture: str) -> None:
    """Every node that takes pods of anybody runs images of this architecture: a build may land on each of them."""
    open_to_all = [node for node in nodes.get("items", []) if _takes_pods(node)]
    others = {
        node["metadata"]["name"]: found
        for node in open_to_all
        if (found := node["status"]["nodeInfo"]["architecture"]) != architecture
    }
    if others:
        listed = ", ".join(f"{name} ({found})" for name, found in sorted(others.items())[:3])
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        raise LabError(
            f"the images are built for {architecture}, these nodes are not: {listed}{more}; "
            f"cordon or taint them, or start the demo on a machine of their architecture"
        )
    if not open_to_all and "items" in nodes:
        raise LabError("no node of the cluster takes pods: all are cordoned, tainted or not ready")


def _takes_pods(node: dict[str, Any]) -> bool:
    spec = node.get("spec", {})
    closed = any(taint["effect"] in ("NoSchedule", "NoExecute") for taint in spec.get("taints", []))
    return not spec.get("unschedulable") and not closed
