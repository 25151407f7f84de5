"""Checks an existing cluster before the demo creates anything; each error is one sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from tests.cluster.errors import LabError
from tests.stage.given import GivenCluster

OLDEST: Final = (1, 30)
"""The oldest version of Kubernetes, as in Chart.yaml."""
PATIENCE: Final = "--request-timeout=15s"

Permission = tuple[str, str, str]
"""Verb, resource, namespace; the namespace is empty for cluster-scoped resources."""


def check_context(cluster: GivenCluster) -> None:
    """Check that the kubeconfig has the context."""
    file = [f"--kubeconfig={cluster.kubeconfig}"] if cluster.kubeconfig else []
    if cluster.kubeconfig and not cluster.kubeconfig.is_file():
        raise LabError(f"the kubeconfig {cluster.kubeconfig} does not exist")
    listed = GivenCluster("", cluster.kubeconfig).run_kubectl("config", "get-contexts", "-o", "name")
    names = listed.stdout.split()
    if cluster.context not in names:
        where = file[0] if file else "your kubeconfig"
        known = f"known: {', '.join(names)}" if names else "known: none; check KUBECONFIG"
        raise LabError(f"unknown context '{cluster.context}' in {where}; {known}")


def check_version(cluster: GivenCluster) -> None:
    """Check that the API server answers, and that it is not too old."""
    done = cluster.run_kubectl("version", "-o", "json", PATIENCE)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no error message"])[-1]
        raise LabError(f"the cluster of context '{cluster.context}' does not answer: {last}")
    version = version_of(json.loads(done.stdout))
    if version < OLDEST:
        raise LabError(
            f"the cluster of context '{cluster.context}' runs Kubernetes {version[0]}.{version[1]}; "
            f"Seatrial needs {OLDEST[0]}.{OLDEST[1]} or newer"
        )


def version_of(document: dict[str, Any]) -> tuple[int, int]:
    """Return the server's major and minor version from `kubectl version -o json`; some providers write `30+`."""
    server = document.get("serverVersion") or {}
    found = [re.match(r"\d+", str(server.get(part, ""))) for part in ("major", "minor")]
    if not all(found):
        raise LabError(f"the API server reports no version: {json.dumps(server)[:200]}")
    major, minor = (int(number.group()) for number in found if number)
    return major, minor


def check_permissions(cluster: GivenCluster, permissions: Iterable[Permission]) -> None:
    """Check that the user has all of these permissions."""
    missing = [p for p in permissions if not cluster.may(p[0], p[1], namespace=p[2])]
    if missing:
        listed = [f"{verb} {what}" + (f" in {where}" if where else "") for verb, what, where in missing]
        raise LabError(
            f"the user of context '{cluster.context}' lacks these permissions: {', '.join(listed)}"
        )


def check_nodes(nodes: dict[str, Any], architecture: str) -> None:
    """Check that every schedulable node has this architecture: a build can run on each of them."""
    schedulable = [node for node in nodes.get("items", []) if _is_schedulable(node)]
    others = {
        node["metadata"]["name"]: found
        for node in schedulable
        if (found := node["status"]["nodeInfo"]["architecture"]) != architecture
    }
    if others:
        listed = ", ".join(f"{name} ({found})" for name, found in sorted(others.items())[:3])
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        raise LabError(
            f"the images are built for {architecture}, but these nodes have another architecture: {listed}{more}; "
            f"cordon or taint them, or run the demo on a machine with their architecture"
        )
    if not schedulable and "items" in nodes:
        raise LabError("no node can run pods: all are cordoned, tainted or not ready")


def _is_schedulable(node: dict[str, Any]) -> bool:
    spec = node.get("spec", {})
    tainted = any(taint["effect"] in ("NoSchedule", "NoExecute") for taint in spec.get("taints", []))
    return not spec.get("unschedulable") and not tainted
