"""What the API server says about fields, in terms of the spec; the sentences are those of a real one."""

from __future__ import annotations

import pytest

from seatrial.kube import failures
from seatrial.kube.rejections import field_problems
from seatrial.manifests import server_pod
from seatrial.manifests.spec_paths import in_terms_of_spec

HANDLED = 'Deployment in version "v1" cannot be handled as a Deployment: '
TYPED = "failed to create typed patch object (shop/churn; apps/v1, Kind=Deployment): "
CONVERTED = "failed to convert new object (shop/churn; apps/v1, Kind=Deployment) to proper version: "
POD = "spec.template.spec."


def sentences(
    code: int, message: str, *, kind: str = "Deployment", fields: dict[str, str] | None = None
) -> list[str]:
    """Return what a status message would say about a rejected write."""
    causes = [{"field": field, "message": text} for field, text in (fields or {}).items()]
    error = failures.from_status({"code": code, "message": message, "details": {"causes": causes}})
    own = server_pod.OWN_VARIABLES
    return [str(in_terms_of_spec(p, own_variables=own)) for p in field_problems(kind, error)]


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        (
            400,
            (
                f'{HANDLED}strict decoding error: unknown field "{POD}tolerations[0].kee", '
                f'unknown field "{POD}containers[0].env[6].valueFrom.secret"'
            ),
            [
                "spec.serving.env[1].valueFrom.secret: unknown field",
                "spec.serving.pod.tolerations[0].kee: unknown field",
            ],
        ),
        (
            400,
            (
                f"{HANDLED}json: cannot unmarshal number into Go struct field "
                f"Toleration.{POD}tolerations.key of type string"
            ),
            ["spec.serving.pod.tolerations.key: expected string, got number"],
        ),
        (
            400,
            f"{HANDLED}quantities must match the regular expression '^x: y$'",
            ["Deployment: quantities must match the regular expression '^x: y$'"],
        ),
        (
            500,
            f"{TYPED}.{POD}tolerations[0].kee: field not declared in schema",
            ["spec.serving.pod.tolerations[0].kee: unknown field"],
        ),
        (
            500,
            (
                f'{TYPED}errors:\n  .{POD}volumes[name="v"].emptyDir.sizeLimitt: field not declared in schema\n'
                f'  .{POD}containers[name="server"].volumeMounts[mountPath="/x"].nam: field not declared in schema'
            ),
            [
                'spec.serving.pod.volumeMounts[mountPath="/x"].nam: unknown field',
                'spec.serving.pod.volumes[name="v"].emptyDir.sizeLimitt: unknown field',
            ],
        ),
        (
            500,
            f"{TYPED}.{POD}tolerations[0].key: expected string, got &value.valueUnstructured{{Value:5}}",
            ["spec.serving.pod.tolerations[0].key: expected string, got 5"],
        ),
        (
            500,
            f"{CONVERTED}unable to convert unstructured object to apps/v1, Kind=Deployment: quantities must match",
            ["Deployment: quantities must match"],
        ),
        (400, 'admission webhook "x" does not support dry run', []),
        (500, "etcdserver: request timed out", []),
        (403, "exceeded quota", []),
    ],
)
def test_fields_are_named_as_in_the_spec(code: int, message: str, expected: list[str]) -> None:
    assert sentences(code, message) == expected


@pytest.mark.parametrize(
    ("kind", "field", "path"),
    [
        ("Deployment", f"{POD}nodeSelector", "spec.serving.pod.nodeSelector"),
        ("Deployment", f"{POD}containers[0].resources.limits", "spec.serving.resources.limits"),
        ("Deployment", f"{POD}containers[0].envFrom[0].prefix", "spec.serving.envFrom[0].prefix"),
        ("Deployment", f"{POD}containers[0].image", f"Deployment {POD}containers[0].image"),
        ("Deployment", "spec.template.labels", "spec.serving.pod.labels"),
        ("HorizontalPodAutoscaler", "spec.metrics[1].type", "spec.scaling.metrics[1].raw.type"),
        ("HorizontalPodAutoscaler", "spec.behavior.scaleUp", "spec.scaling.behavior.scaleUp"),
        ("PodDisruptionBudget", "spec.maxUnavailable", "spec.scaling.disruptionBudget.maxUnavailable"),
    ],
)
def test_causes_of_a_validation_are_named_as_in_the_spec(kind: str, field: str, path: str) -> None:
    assert sentences(422, "invalid", kind=kind, fields={field: "why"}) == [f"{path}: why"]


def test_denial_of_a_policy_is_about_no_field() -> None:
    message = "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"
    assert sentences(422, message, fields={"": message}) == []
