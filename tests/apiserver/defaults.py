"""The defaults that an API server adds to objects, as far as the operator can see them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any, Final

from seatrial.api import kinds
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body
from tests.apiserver import quantities

Filler = Callable[[Body], None]


def with_defaults(kind: Kind, body: Body) -> Body:
    """Return a copy of `body` with the server's defaults and its spelling of quantities."""
    result = copy.deepcopy(body)
    if kind == kinds.SECRET:
        _set_defaults(result, {"type": "Opaque"})
    if filler := _FILLERS.get(kind):
        filler(result.setdefault("spec", {}))
    return result


def _set_defaults(body: Body, values: Body) -> None:
    """Set the values that `body` lacks."""
    for name, value in values.items():
        if body.get(name) is None:
            body[name] = copy.deepcopy(value)


def _deployment(spec: Body) -> None:
    _set_defaults(spec, {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600})
    strategy = spec.setdefault("strategy", {})
    _set_defaults(strategy, {"type": "RollingUpdate"})
    if strategy["type"] == "RollingUpdate":
        _set_defaults(strategy.setdefault("rollingUpdate", {}), {"maxUnavailable": "25%", "maxSurge": "25%"})
    _template(spec.setdefault("template", {}))


def _job(spec: Body) -> None:
    indexed = spec.get("podFailurePolicy")
    _set_defaults(
        spec,
        {
            "backoffLimit": 6,
            "completions": 1,
            "parallelism": 1,
            "completionMode": "NonIndexed",
            "suspend": False,
            "manualSelector": False,
            "podReplacementPolicy": "Failed" if indexed else "TerminatingOrFailed",
        },
    )
    for rule in (indexed or {}).get("rules") or []:
        for condition in rule.get("onPodConditions") or []:
            _set_defaults(condition, {"status": "True"})
    _template(spec.setdefault("template", {}))


def _template(template: Body) -> None:
    _pod(template.setdefault("spec", {}))


def _pod(spec: Body) -> None:
    _set_defaults(
        spec,
        {
            "restartPolicy": "Always",
            "dnsPolicy": "ClusterFirst",
            "schedulerName": "default-scheduler",
            "terminationGracePeriodSeconds": 30,
            "securityContext": {},
        },
    )
    if spec.get("serviceAccountName"):
        _set_defaults(spec, {"serviceAccount": spec["serviceAccountName"]})
    for container in [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]:
        _container(container)
    for volume in spec.get("volumes") or []:
        _volume(volume)


def _container(container: Body) -> None:
    image = str(container.get("image", ""))
    is_latest = "@" not in image and (":" not in image.rsplit("/", 1)[-1] or image.endswith(":latest"))
    _set_defaults(
        container,
        {
            "imagePullPolicy": "Always" if is_latest else "IfNotPresent",
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
            "resources": {},
        },
    )
    for amounts in container["resources"].values():
        _canonicalize(amounts)
    for port in container.get("ports") or []:
        _set_defaults(port, {"protocol": "TCP"})
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if probe := container.get(name):
            _probe(probe)
    for hook in (container.get("lifecycle") or {}).values():
        _http_get(hook)
    for variable in container.get("env") or []:
        if field := (variable.get("valueFrom") or {}).get("fieldRef"):
            _set_defaults(field, {"apiVersion": "v1"})


def _probe(probe: Body) -> None:
    _set_defaults(
        probe, {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
    )
    _http_get(probe)


def _http_get(action: Body) -> None:
    if get := action.get("httpGet"):
        _set_defaults(get, {"path": "/", "scheme": "HTTP"})


def _volume(volume: Body) -> None:
    for source in ("configMap", "secret", "downwardAPI", "projected"):
        if isinstance(volume.get(source), dict):
            _set_defaults(volume[source], {"defaultMode": 420})
    if empty := volume.get("emptyDir"):
        _canonicalize(empty, ("sizeLimit",))


def _canonicalize(amounts: Any, names: Iterable[str] | None = None) -> None:
    if not isinstance(amounts, dict):
        return
    for name in list(names or amounts):
        if name in amounts:
            amounts[name] = quantities.canonical(amounts[name])


def _service(spec: Body) -> None:
    _set_defaults(
        spec,
        {
            "type": "ClusterIP",
            "sessionAffinity": "None",
            "internalTrafficPolicy": "Cluster",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
        },
    )
    for port in spec.get("ports") or []:
        _set_defaults(port, {"protocol": "TCP", "targetPort": port.get("port")})


_SCALING_RULES: Final[Body] = {
    "scaleUp": {
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Max",
        "policies": [
            {"type": "Pods", "value": 4, "periodSeconds": 15},
            {"type": "Percent", "value": 100, "periodSeconds": 15},
        ],
    },
    "scaleDown": {
        "selectPolicy": "Max",
        "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
    },
}


def _autoscaler(spec: Body) -> None:
    cpu = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
    }
    _set_defaults(spec, {"minReplicas": 1, "metrics": [cpu]})
    if behavior := spec.get("behavior"):
        for direction, rules in _SCALING_RULES.items():
            _set_defaults(behavior.setdefault(direction, {}), rules)


_FILLERS: Final[dict[Kind, Filler]] = {
    kinds.DEPLOYMENT: _deployment,
    kinds.REPLICA_SET: lambda spec: _template(spec.setdefault("template", {})),
    kinds.JOB: _job,
    kinds.POD: _pod,
    kinds.SERVICE: _service,
    kinds.HPA: _autoscaler,
}
