"""The fields that the API server itself sets on new objects."""

from __future__ import annotations

import copy
from typing import Any, Final

from seatrial.api import kinds, objects
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body

_ADDRESS: Final = "10.96.{}.{}"
_CONTROLLER_UID: Final = "batch.kubernetes.io/controller-uid"
_JOB_NAME: Final = "batch.kubernetes.io/job-name"


def set_initial_fields(kind: Kind, body: Body, number: int) -> None:
    """Give a Service its address, a Pod the phase Pending, a Namespace the phase Active, and so on."""
    match kind:
        case kinds.SERVICE:
            _set_address(body, number)
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


def set_job_selector(kind: Kind, body: Body) -> None:
    """Let a Job select its pods by its own uid."""
    if kind != kinds.JOB or body["spec"].get("manualSelector"):
        return
    uid = objects.uid_of(body)
    body["spec"]["selector"] = {"matchLabels": {_CONTROLLER_UID: uid}}
    labels = body["spec"]["template"].setdefault("metadata", {}).setdefault("labels", {})
    labels |= {_CONTROLLER_UID: uid, "controller-uid": uid}
    labels |= {_JOB_NAME: body["metadata"]["name"], "job-name": body["metadata"]["name"]}


def keep_server_fields(kind: Kind, before: Body, after: Body) -> None:
    """Copy the fields that the server chose into a replacement that leaves them out."""
    if kind == kinds.SERVICE:
        for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            _keep(before["spec"], after["spec"], name)
    if kind == kinds.JOB:
        _keep(before["spec"], after["spec"], "selector")


def _keep(before: Body, after: Body, name: str) -> None:
    value: Any = before.get(name)
    if value is not None and not after.get(name):
        after[name] = copy.deepcopy(value)


def _set_address(body: Body, number: int) -> None:
    spec = body["spec"]
    if spec.get("type") == "ExternalName":
        return
    address = spec.get("clusterIP") or _ADDRESS.format(number // 250 % 250, number % 250 + 1)
    spec |= {"clusterIP": address, "clusterIPs": [address]}
