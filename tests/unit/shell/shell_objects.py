"""ModelDeployments and children for the tests of the shell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from seatrial.api import kinds, names, objects
from seatrial.api.objects import Body
from seatrial.api.owner import Owner
from seatrial.applier import Applier, ApplyOutcome
from seatrial.children.actions import Action
from seatrial.children.chains import each
from seatrial.kube.client import Client
from seatrial.kube.informer_group import InformerGroup
from seatrial.kube.informers import InformerConfig
from seatrial.manifests import metadata
from tests.apiserver import FakeApiServer

START = datetime(2026, 1, 1, tzinfo=UTC)
NAMESPACE = "shop"
REVISION = "9f3c2a71d0"


def model(name: str = "churn", **spec: Any) -> Body:
    """A ModelDeployment."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"model": {"image": f"registry.shop/{name}@sha256:{'1' * 64}"}, **spec},
    }


def server(clock: Callable[[], datetime] = lambda: START) -> FakeApiServer:
    """Return a fake API server with the ModelDeployments churn and other; their uids are the same in every test."""
    api = FakeApiServer(clock, namespaces=(NAMESPACE,))
    for name in ("churn", "other"):
        api.insert(kinds.MODEL_DEPLOYMENT, model(name))
    return api


def informer_of_models(client: Client, clock: Callable[[], float]) -> InformerGroup:
    """Return an informer of ModelDeployments without events; the test fills its store."""
    return InformerGroup(
        client, kinds.MODEL_DEPLOYMENT, lambda _event, _body: None, config=InformerConfig(clock)
    )


def _owner(name: str) -> Owner:
    body = server().look(kinds.MODEL_DEPLOYMENT, NAMESPACE, name) or {}
    return Owner(namespace=NAMESPACE, name=name, uid=objects.uid_of(body))


OWNER, OTHER = _owner("churn"), _owner("other")


def child(kind: kinds.Kind, name: str, *, owner: Owner = OWNER, **parts: Any) -> Body:
    """A child of a kind, as the planner renders it."""
    head = {
        "namespace": owner.namespace,
        "name": name,
        "labels": metadata.labels(owner, REVISION),
        "annotations": {},
        "ownerReferences": [owner.reference()],
    }
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": head, **parts}


def deployment(name: str = "churn-a", *, replicas: int = 3, owner: Owner = OWNER) -> Body:
    """A Deployment."""
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "server", "image": "churn:1"}]},
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return child(kinds.DEPLOYMENT, name, owner=owner, spec=spec)


def service(name: str = "churn", *, owner: Owner = OWNER) -> Body:
    """A Service."""
    spec = {"selector": {"app": name}, "ports": [{"port": 80}]}
    return child(kinds.SERVICE, name, owner=owner, spec=spec)


def revision(name: str = "churn-a") -> Body:
    """A ControllerRevision."""
    return child(kinds.CONTROLLER_REVISION, name, revision=1, data={})


def settings(name: str = "churn-a-0") -> Body:
    """A copy of a ConfigMap."""
    return child(kinds.CONFIG_MAP, name, data={"a": "1"}, immutable=True)


def budget(name: str = "churn") -> Body:
    """A PodDisruptionBudget."""
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": {"app": name}}}
    return child(kinds.PDB, name, spec=spec)


def autoscaler(name: str = "churn-a") -> Body:
    """An autoscaler."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    return child(kinds.HPA, name, spec={"scaleTargetRef": target, "maxReplicas": 3})


def job(name: str = "churn-build-1-1") -> Body:
    """A build's Job."""
    box = {"name": "build", "image": "build:1"}
    template = {"spec": {"restartPolicy": "Never", "containers": [box]}}
    return child(kinds.JOB, name, spec={"backoffLimit": 0, "template": template})


def writes_of(api: FakeApiServer) -> list[tuple[str, str, str]]:
    """Return verb, kind and name of every write."""
    return [(write.verb, write.kind, write.name) for write in api.writes]


async def apply(applier: Applier, *actions: Action) -> ApplyOutcome:
    """Carry out the actions for the owner churn."""
    return await applier.apply(each("test", actions), uid=OWNER.uid)
