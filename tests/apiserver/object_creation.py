"""What a server, rather than a user or a controller, puts into new objects."""

from __future__ import annotations

import copy
from typing import Any, Final

from seatrial.api import kinds, objects
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body

_ADDRESS: Final = "10.96.{}.{}"
_CONTROLLER_UID: Final = "batch.kubernetes.io/controller-uid"
_JOB_NAME: Final = "batch.kubernetes.io/job-name"


def at_birth(kind: Kind, body: Body, number: int) -> None:
    """A Service has an address, a Pod is Pending, a Namespace is Active, and so on."""
    match kind:
        case kinds.SERVICE:
            _address(body, number)
            body["status"] = {"loadBalancer": {}}
        case kinds.POD:
            body["status"] = {"phase": "Pending", "qosClass": "BestEffort"}
        case kinds.NAMESPACE:
            body["spec"] = {"finalizers": ["kubernetes"]}
            body["status"] = {"phase": "Active"}
            name = body["metadata"]["name"]
            body["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name
        case kinds.DEPLOYMENT | kinds.JOB:
            body["status"] = {}
        case kinds.CRD:
            body["status"] = {
                "conditions": [{"type": "Established", "status": "True", "reason": "InitialNamesAccepted"}]
            }


def identify(kind: Kind, body: Body) -> None:
    """A Job selects its pods by its own uid."""
    if kind != kinds.JOB or body["spec"].get("manualSelector"):
        return
    uid = objects.uid_of(body)
    body["spec"]["selector"] = {"matchLabels": {_CONTROLLER_UID: uid}}
    labels = body["spec"]["template"].setdefault("metadata", {}).setdefault("labels", {})
    labels |= {_CONTROLLER_UID: uid, "controller-uid": uid}
    labels |= {_JOB_NAME: body["metadata"]["name"], "job-name": body["metadata"]["name"]}


def carried_over(kind: Kind, before: Body, after: Body) -> None:
    """A replacement that leaves out what the server chose keeps it."""
    if kind == kinds.SERVICE:
        for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            _keep(before["spec"], after["spec"], name)
    if kind == kinds.JOB:
        _keep(before["spec"], after["spec"], "selector")


def _keep(before: Body, after: Body, name: str) -> None:
    value: Any = before.get(name)
    if value is not None and not after.get(name):
        after[name] = copy.deepcopy(value)


def _address(body: Body, number: int) -> None:
    spec = body["spec"]
    if spec.get("type") == "ExternalName":
        return
    address = spec.get("clusterIP") or _ADDRESS.format(number // 250 % 250, number % 250 + 1)
    spec |= {"clusterIP": address, "clusterIPs": [address]}
