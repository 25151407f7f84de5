"""The floor: what the cluster itself needs for a Deployment and a Service that the driver makes directly."""

from __future__ import annotations

import asyncio

from seatrial.api import kinds
from seatrial.api.objects import Body
from tests.bench.milestones import PLAIN
from tests.live import cluster_user
from tests.live.cluster_user import ClusterUser


async def create(user: ClusterUser, name: str) -> None:
    """A Deployment of one pod and its Service are asked for."""
    await user.create(kinds.SERVICE, _service(user.namespace, name))
    await user.create(kinds.DEPLOYMENT, _deployment(user.namespace, name))


async def new_image(user: ClusterUser, name: str) -> None:
    """The Deployment asks for another image."""
    containers = [{"name": "server", "image": cluster_user.image(2)}]
    await user.patch(
        kinds.DEPLOYMENT, f"plain-{name}", {"spec": {"template": {"spec": {"containers": containers}}}}
    )


async def narrow(user: ClusterUser, name: str) -> None:
    """The Service selects other pods."""
    await user.patch(kinds.SERVICE, f"plain-{name}", {"spec": {"selector": {"narrow": "yes"}}})


async def delete_all(user: ClusterUser) -> None:
    """Nothing is left of the floor."""
    for kind in (kinds.DEPLOYMENT, kinds.SERVICE):
        found = await user.client.list(kind, user.namespace, labels=PLAIN)
        await asyncio.gather(*(user.delete(kind, body["metadata"]["name"]) for body in found.items))


def _head(namespace: str, name: str) -> Body:
    return {"namespace": namespace, "name": f"plain-{name}", "labels": {PLAIN: name}}


def _service(namespace: str, name: str) -> Body:
    spec = {"selector": {PLAIN: name}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": _head(namespace, name), "spec": spec}


def _deployment(namespace: str, name: str) -> Body:
    container = {"name": "server", "image": cluster_user.image(1)}
    template = {"metadata": {"labels": {PLAIN: name}}, "spec": {"containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": {PLAIN: name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _head(namespace, name), "spec": spec}
