"""What of Seatrial a cluster has already, and whether the demo may use it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import yaml

from seatrial.api import names
from tests.cluster.errors import LabError
from tests.stage.given import GivenCluster
from tests.stage.install import ROOT, SYSTEM

OURS: Final = "seatrial.dev/demo"
"""The label on what the demo has made and may remove."""
CRDS: Final = tuple(f"{plural}.{names.GROUP}" for plural in (names.PLURAL, names.DECISION_PLURAL))


@dataclass(frozen=True, slots=True)
class Operator:
    """One that somebody else has installed."""

    namespace: str
    version: str
    settings: dict[str, Any]
    watches: str = ""
    """The one namespace it looks after; empty is all of them."""


def is_ours(cluster: GivenCluster, namespace: str) -> bool | None:
    """Whether the demo made the namespace; None when there is none."""
    found = cluster.read("namespace", namespace)
    return OURS in (found["metadata"].get("labels") or {}) if found else None


def operators(cluster: GivenCluster) -> list[Operator]:
    """Those of others, in every namespace."""
    selector = "app.kubernetes.io/name=seatrial,app.kubernetes.io/component=operator"
    found = cluster.read("deployments", "-A", "-l", selector).get("items", [])
    return [
        _operator(cluster, deployment)
        for deployment in found
        if deployment["metadata"]["namespace"] != SYSTEM or not is_ours(cluster, SYSTEM)
    ]


def _operator(cluster: GivenCluster, deployment: dict[str, Any]) -> Operator:
    head, pod = deployment["metadata"], deployment["spec"]["template"]["spec"]
    arguments = pod["containers"][0].get("args") or []
    watched = [one.partition("=")[2] for one in arguments if one.startswith("--namespace=")]
    maps = [volume["configMap"]["name"] for volume in pod.get("volumes", []) if "configMap" in volume]
    held = cluster.read("configmap", *maps[:1], "-n", head["namespace"]) if maps else {}
    settings = yaml.safe_load((held.get("data") or {}).get("settings.yaml", "")) or {}
    version = (head.get("labels") or {}).get("app.kubernetes.io/version", "")
    return Operator(head["namespace"], version, settings, "".join(watched[:1]))


def usable(found: list[Operator], *, namespace: str, plain_http: bool) -> Operator | None:
    """The one that will look after the demo's namespace; None when one must be installed. Raises LabError."""
    concerned = [one for one in found if one.watches in ("", namespace)]
    if not concerned:
        return None
    if len(concerned) > 1:
        places = ", ".join(one.namespace for one in concerned)
        raise LabError(
            f"several Seatrials look after the same objects: those in {places}; remove all but one"
        )
    (one,) = concerned
    who = f"the Seatrial in namespace {one.namespace}"
    if one.version != own_version():
        raise LabError(
            f"{who} is {one.version or 'of no known version'}, this tree is {own_version()}: use that tree"
        )
    if "sklearn" not in (one.settings.get("runtimes") or {}):
        raise LabError(f"{who} has no runtime sklearn: set settings.runtimes.sklearn of its release")
    if bool(one.settings.get("plainHttp")) != plain_http:
        spoken = "http" if one.settings.get("plainHttp") else "TLS"
        raise LabError(
            f"{who} speaks {spoken} to registries (settings.plainHttp); PLAIN_HTTP must say the same"
        )
    return one


def own_version() -> str:
    """Of this tree, as the chart's labels carry it."""
    chart = yaml.safe_load((ROOT / "charts/seatrial/Chart.yaml").read_text())
    return str(chart["appVersion"])


def age(crd: dict[str, Any]) -> int:
    """Above 0 when the cluster's CRD has a newer schema than this tree, below when it has an older one."""
    found = (crd["metadata"].get("annotations") or {}).get(names.ANNOTATION_SCHEMA_VERSION, "0")
    return (int(found) if found.isdigit() else 0) - int(names.SCHEMA_VERSION)
