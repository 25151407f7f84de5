"""The objects that the contract tests of the API server create."""

from __future__ import annotations

from typing import Any

from seatrial.api.kinds import CONFIG_MAP, DEPLOYMENT, HPA, JOB, LEASE, SERVICE, Kind
from seatrial.api.objects import Body
from tests.contract.api_servers import WIDGET, Server

LABELS = {"app": "churn"}


def new(server: Server, kind: Kind, name: str, **parts: Any) -> Body:
    """Return an object of `kind` in the test's namespace; `labels` and `metadata` are set in its metadata."""
    metadata = {"name": name, "namespace": server.namespace, **parts.pop("metadata", {})}
    if "labels" in parts:
        metadata["labels"] = parts.pop("labels")
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **parts}


def settings(server: Server, name: str = "settings", **parts: Any) -> Body:
    """Return a ConfigMap."""
    return new(server, CONFIG_MAP, name, **{"data": {"a": "1"}, **parts})


def widget(server: Server, name: str = "w", **parts: Any) -> Body:
    """Return a custom object whose kind has the status and scale subresources."""
    return new(server, WIDGET, name, **{"spec": {"size": 1}, **parts})


def deployment(server: Server, name: str = "churn", *, replicas: int | None = 0, **container: Any) -> Body:
    """Return a Deployment, by default with zero replicas."""
    server_container = {"name": "server", "image": "registry.example/churn:1", **container}
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [server_container]}}
    spec: Body = {"selector": {"matchLabels": LABELS}, "template": template}
    if replicas is not None:
        spec["replicas"] = replicas
    return new(server, DEPLOYMENT, name, spec=spec)


def service(server: Server, name: str = "churn", **selector: str) -> Body:
    """Return a Service with one port."""
    spec = {"selector": selector or LABELS, "ports": [{"name": "http", "port": 80, "targetPort": 3000}]}
    return new(server, SERVICE, name, spec=spec)


def job(server: Server, name: str = "build") -> Body:
    """Return a suspended Job."""
    build_container = {"name": "build", "image": "registry.example/build:1"}
    template = {"spec": {"restartPolicy": "Never", "containers": [build_container]}}
    return new(server, JOB, name, spec={"suspend": True, "backoffLimit": 0, "template": template})


def autoscaler(server: Server, name: str = "churn", **spec: Any) -> Body:
    """Return an autoscaler of a Deployment with the same name."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    return new(server, HPA, name, spec={"scaleTargetRef": target, "maxReplicas": 3, **spec})


def lease(server: Server, name: str = "leader") -> Body:
    """Return a Lease with a holder."""
    spec = {
        "holderIdentity": "a",
        "leaseDurationSeconds": 15,
        "renewTime": "2026-01-02T03:04:05.000006Z",
        "leaseTransitions": 0,
    }
    return new(server, LEASE, name, spec=spec)


def owned_by(owner: Body, *, controller: bool = True) -> Body:
    """Return the metadata of an object that `owner` owns."""
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": controller,
    }
    return {"ownerReferences": [reference]}
