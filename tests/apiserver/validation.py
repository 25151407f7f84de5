"""Validation by the API server: invalid names, missing fields and changes of immutable fields."""

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
_EXISTS: Final = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
_IMMUTABLE: Final[dict[Kind, tuple[str, ...]]] = {
    kinds.DEPLOYMENT: ("spec.selector",),
    kinds.REPLICA_SET: ("spec.selector",),
    kinds.JOB: ("spec.selector", "spec.template", "spec.completionMode", "spec.podFailurePolicy"),
    kinds.SERVICE: ("spec.clusterIP",),
    kinds.CONTROLLER_REVISION: ("data",),
    kinds.SECRET: ("type",),
}


def check_new(kind: Kind, body: Body) -> None:
    """Raise `Invalid` when the server would not create `body`."""
    name = body["metadata"].get("name", "")
    pattern = _LABEL_NAME if kind == kinds.SERVICE else _NAME
    if not pattern.match(name) or len(name) > (63 if kind == kinds.SERVICE else 253):
        raise invalid(kind, name, [("metadata.name", f'Invalid value: "{name}": a lowercase RFC 1123 name')])
    problems = _workload_problems(kind, body)
    if problems:
        raise invalid(kind, name, problems)


def check_update(kind: Kind, before: Body, after: Body) -> None:
    """Raise `Invalid` when the server would not update `before` to `after`."""
    name = before["metadata"]["name"]
    problems = [
        (path, f"Invalid value: {_at(after, path)!r}: field is immutable")
        for path in _IMMUTABLE.get(kind, ())
        if _at(before, path) != _at(after, path)
    ]
    problems += _immutable_data_problems(kind, before, after) + _workload_problems(kind, after)
    if problems:
        raise invalid(kind, name, problems)


def invalid(kind: Kind, name: str, problems: list[tuple[str, str]]) -> failures.Invalid:
    """Return the error that names every invalid field."""
    summary = ", ".join(f"{field}: {message}" for field, message in problems)
    causes = [
        {"reason": "FieldValueInvalid", "message": message, "field": field} for field, message in problems
    ]
    text = f'{kind} "{name}" is invalid: {summary}'
    return failures.Invalid(422, "Invalid", text, details={"name": name, "kind": kind.kind, "causes": causes})


def _immutable_data_problems(kind: Kind, before: Body, after: Body) -> list[tuple[str, str]]:
    """Return the changes of an immutable ConfigMap or Secret."""
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
    problems = []
    if not spec.get("selector"):
        problems.append(("spec.selector", "Required value"))
    elif not selectors.label_matcher(spec["selector"])(labels):
        problems.append(
            ("spec.template.metadata.labels", "Invalid value: `selector` does not match template `labels`")
        )
    if not (template.get("spec") or {}).get("containers"):
        problems.append(("spec.template.spec.containers", "Required value"))
    problems += _pod_problems(template.get("spec") or {})
    if spec.get("replicas", 0) < 0:
        problems.append(("spec.replicas", "Invalid value: must be greater than or equal to 0"))
    return problems


def _at(body: Body, path: str) -> Any:
    value: Any = body
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _pod_problems(pod: Body) -> list[tuple[str, str]]:
    at = "spec.template.spec"
    problems = _duplicates(pod.get("volumes") or [], "name", f"{at}.volumes")
    problems += [
        (f"{at}.tolerations[{n}].operator", f'Invalid value: "{toleration.get("operator", "")}": {_EXISTS}')
        for n, toleration in enumerate(pod.get("tolerations") or [])
        if not toleration.get("key") and toleration.get("operator") != "Exists"
    ]
    for container in pod.get("containers") or []:
        inside = f"{at}.containers[{container['name']}]"
        problems += _requests_above_limits(container)
        problems += _duplicates(container.get("volumeMounts") or [], "mountPath", f"{inside}.volumeMounts")
        sleep = ((container.get("lifecycle") or {}).get("preStop") or {}).get("sleep") or {}
        if sleep.get("seconds", 0) > pod.get("terminationGracePeriodSeconds", 30):
            message = "Invalid value: must be non-negative and less than terminationGracePeriodSeconds"
            problems.append((f"{inside}.lifecycle.preStop.sleep", message))
    return problems


def _duplicates(items: list[Body], key: str, at: str) -> list[tuple[str, str]]:
    values = [item.get(key) for item in items]
    return [
        (f"{at}[{n}].{key}", f'Duplicate value: "{value}"')
        for n, value in enumerate(values)
        if value in values[:n]
    ]


def _requests_above_limits(container: Body) -> list[tuple[str, str]]:
    """Return the requests above their limits."""
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
