"""What an API server refuses: fields that must not change, names that are no names, missing parts."""

from __future__ import annotations

import re
from typing import Any, Final

from seatrial.api import kinds
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body
from seatrial.kube import failures
from tests.apiserver import quantities, selectors

_NAME: Final = re.compile(r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
_LABEL_NAME: Final = re.compile(r"^[a-z]([-a-z0-9]*[a-z0-9])?$")
_IMMUTABLE: Final[dict[Kind, tuple[str, ...]]] = {
    kinds.DEPLOYMENT: ("spec.selector",),
    kinds.REPLICA_SET: ("spec.selector",),
    kinds.JOB: ("spec.selector", "spec.template", "spec.completionMode", "spec.podFailurePolicy"),
    kinds.SERVICE: ("spec.clusterIP",),
    kinds.CONTROLLER_REVISION: ("data",),
    kinds.SECRET: ("type",),
}


def new(kind: Kind, body: Body) -> None:
    """`Invalid` when the server would not create `body`."""
    name = body["metadata"].get("name", "")
    pattern = _LABEL_NAME if kind == kinds.SERVICE else _NAME
    if not pattern.match(name) or len(name) > (63 if kind == kinds.SERVICE else 253):
        raise invalid(kind, name, [("metadata.name", f'Invalid value: "{name}": a lowercase RFC 1123 name')])
    wrong = _workload_problems(kind, body)
    if wrong:
        raise invalid(kind, name, wrong)


def change(kind: Kind, before: Body, after: Body) -> None:
    """`Invalid` when the server would not turn `before` into `after`."""
    name = before["metadata"]["name"]
    wrong = [
        (path, f"Invalid value: {_at(after, path)!r}: field is immutable")
        for path in _IMMUTABLE.get(kind, ())
        if _at(before, path) != _at(after, path)
    ]
    wrong += _frozen_problems(kind, before, after) + _workload_problems(kind, after)
    if wrong:
        raise invalid(kind, name, wrong)


def invalid(kind: Kind, name: str, wrong: list[tuple[str, str]]) -> failures.Invalid:
    """The refusal that names every wrong field."""
    told = ", ".join(f"{field}: {message}" for field, message in wrong)
    causes = [{"reason": "FieldValueInvalid", "message": message, "field": field} for field, message in wrong]
    sentence = f'{kind} "{name}" is invalid: {told}'
    return failures.Invalid(
        422, "Invalid", sentence, details={"name": name, "kind": kind.kind, "causes": causes}
    )


def _frozen_problems(kind: Kind, before: Body, after: Body) -> list[tuple[str, str]]:
    """Changes of a ConfigMap or Secret that said it would not change."""
    if kind not in (kinds.CONFIG_MAP, kinds.SECRET) or not before.get("immutable"):
        return []
    names = ("data", "binaryData", "immutable")
    message = "Forbidden: field is immutable when `immutable` is set"
    return [(name, message) for name in names if before.get(name) != after.get(name)]


def _workload_problems(kind: Kind, body: Body) -> list[tuple[str, str]]:
    spec = body.get("spec") or {}
    if kind == kinds.DEPLOYMENT:
        return _deployment_problems(spec)
    if kind == kinds.HPA and spec.get("maxReplicas", 0) < spec.get("minReplicas", 1):
        return [("spec.maxReplicas", "Invalid value: must be greater than or equal to `minReplicas`")]
    if kind == kinds.JOB and (spec.get("template") or {}).get("spec", {}).get("restartPolicy") == "Always":
        return [("spec.template.spec.restartPolicy", 'Required value: valid values: "OnFailure", "Never"')]
    return []


def _deployment_problems(spec: Body) -> list[tuple[str, str]]:
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    wrong = []
    if not spec.get("selector"):
        wrong.append(("spec.selector", "Required value"))
    elif not selectors.of_object(spec["selector"])(labels):
        wrong.append(
            ("spec.template.metadata.labels", "Invalid value: `selector` does not match template `labels`")
        )
    if not (template.get("spec") or {}).get("containers"):
        wrong.append(("spec.template.spec.containers", "Required value"))
    wrong += _pod_problems(template.get("spec") or {})
    if spec.get("replicas", 0) < 0:
        wrong.append(("spec.replicas", "Invalid value: must be greater than or equal to 0"))
    return wrong


def _at(body: Body, path: str) -> Any:
    value: Any = body
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _pod_problems(pod: Body) -> list[tuple[str, str]]:
    at = "spec.template.spec"
    wrong = _twice(pod.get("volumes") or [], "name", f"{at}.volumes")
    for container in pod.get("containers") or []:
        inside = f"{at}.containers[{container['name']}]"
        wrong += _too_much(container)
        wrong += _twice(container.get("volumeMounts") or [], "mountPath", f"{inside}.volumeMounts")
        sleep = ((container.get("lifecycle") or {}).get("preStop") or {}).get("sleep") or {}
        if sleep.get("seconds", 0) > pod.get("terminationGracePeriodSeconds", 30):
            message = "Invalid value: must be non-negative and less than terminationGracePeriodSeconds"
            wrong.append((f"{inside}.lifecycle.preStop.sleep", message))
    return wrong


def _twice(items: list[Body], key: str, at: str) -> list[tuple[str, str]]:
    values = [item.get(key) for item in items]
    return [
        (f"{at}[{n}].{key}", f'Duplicate value: "{value}"')
        for n, value in enumerate(values)
        if value in values[:n]
    ]


def _too_much(container: Body) -> list[tuple[str, str]]:
    """Requests above their limits."""
    resources = container.get("resources") or {}
    limits = resources.get("limits") or {}
    return [
        (
            f"spec.template.spec.containers[{container['name']}].resources.requests",
            f'Invalid value: "{amount}": must be less than or equal to {name} limit of {limits[name]}',
        )
        for name, amount in (resources.get("requests") or {}).items()
        if name in limits and quantities.value(amount) > quantities.value(limits[name])
    ]
