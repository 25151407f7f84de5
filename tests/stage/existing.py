"""Finds an existing installation of Seatrial in a cluster, and checks whether the demo can use it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import yaml

from seatrial.api import names
from tests.cluster.errors import LabError
from tests.stage.given import GivenCluster
from tests.stage.install import ROOT, SYSTEM

OURS: Final = "seatrial.dev/demo"
"""The label of objects that the demo created and can remove."""
CRDS: Final = tuple(f"{plural}.{names.GROUP}" for plural in (names.PLURAL, names.DECISION_PLURAL))


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator that the demo did not install."""

    namespace: str
    version: str
    settings: dict[str, Any]
    watches: tuple[str, ...] = ()
    """The namespaces it watches; empty means all."""


def is_ours(cluster: GivenCluster, namespace: str) -> bool | None:
    """Return whether the demo created the namespace; None if it does not exist."""
    found = cluster.read("namespace", namespace)
    return OURS in (found["metadata"].get("labels") or {}) if found else None


def operators(cluster: GivenCluster) -> list[Operator]:
    """Return the operators in all namespaces that the demo did not install."""
    selector = "app.kubernetes.io/name=seatrial,app.kubernetes.io/component=operator"
    found = cluster.read("deployments", "-A", "-l", selector).get("items", [])
    return [
        _operator(cluster, deployment)
        for deployment in found
        if deployment["metadata"]["namespace"] != SYSTEM or not is_ours(cluster, SYSTEM)
    ]


def _operator(cluster: GivenCluster, deployment: dict[str, Any]) -> Operator:
    metadata, pod = deployment["metadata"], deployment["spec"]["template"]["spec"]
    arguments = pod["containers"][0].get("args") or []
    watched = [arg.partition("=")[2] for arg in arguments if arg.startswith("--namespace=")]
    maps = [volume["configMap"]["name"] for volume in pod.get("volumes", []) if "configMap" in volume]
    config_map = cluster.read("configmap", *maps[:1], "-n", metadata["namespace"]) if maps else {}
    settings = yaml.safe_load((config_map.get("data") or {}).get("settings.yaml", "")) or {}
    version = (metadata.get("labels") or {}).get("app.kubernetes.io/version", "")
    return Operator(metadata["namespace"], version, settings, tuple(watched))


def usable(found: list[Operator], *, namespace: str, plain_http: bool) -> Operator | None:
    """Return the operator that watches the demo's namespace, or None; raise LabError if it does not fit."""
    watching = [operator for operator in found if not operator.watches or namespace in operator.watches]
    if not watching:
        return None
    if len(watching) > 1:
        places = ", ".join(operator.namespace for operator in watching)
        raise LabError(
            f"several Seatrial operators watch the namespace {namespace}: those in {places}; remove all but one"
        )
    (operator,) = watching
    who = f"the Seatrial operator in namespace {operator.namespace}"
    if operator.version != own_version():
        raise LabError(
            f"{who} has version {operator.version or 'unknown'}, but this checkout has {own_version()}: "
            "check out its version"
        )
    if "sklearn" not in (operator.settings.get("runtimes") or {}):
        raise LabError(f"{who} has no runtime sklearn: set settings.runtimes.sklearn in its Helm release")
    if bool(operator.settings.get("plainHttp")) != plain_http:
        protocol = "HTTP" if operator.settings.get("plainHttp") else "TLS"
        raise LabError(
            f"{who} uses {protocol} for registries (settings.plainHttp); set PLAIN_HTTP to the same"
        )
    return operator


def own_version() -> str:
    """Return the version of this checkout, as in the chart's labels."""
    chart = yaml.safe_load((ROOT / "charts/seatrial/Chart.yaml").read_text())
    return str(chart["appVersion"])


def age(crd: dict[str, Any]) -> int:
    """Return how much newer the schema of the cluster's CRD is than that of this checkout; negative if it is older."""
    found = (crd["metadata"].get("annotations") or {}).get(names.ANNOTATION_SCHEMA_VERSION, "0")
    return (int(found) if found.isdigit() else 0) - int(names.SCHEMA_VERSION)
