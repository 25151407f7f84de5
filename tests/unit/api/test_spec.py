"""The accepted values of a spec, its defaults, and the errors about other values.

The invalid examples show one error each; these tests cover the edge cases.
"""

from datetime import timedelta
from typing import Any

import pytest

from seatrial.api import model, rollout, scaling, traffic
from tests.unit.api.bodies import IMAGE, URI, error_of, parsed


def test_every_field_except_the_model_has_a_default() -> None:
    spec = parsed().spec
    assert spec.build.timeout == timedelta(minutes=30)
    assert (spec.serving.timeout, spec.serving.max_concurrency) == (timedelta(seconds=30), 64)
    assert spec.serving.warmup.requests == 5
    assert (spec.scaling.floor, spec.scaling.autoscaled) == (1, False)
    assert spec.scaling.disruption_budget.max_unavailable == 1
    assert spec.traffic.replicas.when_too_few is traffic.WhenTooFew.PROCEED
    assert spec.rollout == rollout.Rollout()
    assert not spec.paused


def test_the_default_rollout_takes_five_minutes() -> None:
    steps = parsed().spec.rollout.steps
    assert [step.weight for step in steps] == [10, 25, 50]
    assert sum((step.hold for step in steps), timedelta()) == timedelta(minutes=5)


@pytest.mark.parametrize("empty", ["build", "serving", "scaling", "traffic", "rollout"])
def test_an_empty_section_equals_an_absent_one(empty: str) -> None:
    assert parsed({empty: {}}).spec == parsed().spec


@pytest.mark.parametrize(
    "uri",
    [
        "s3://bucket/path/",
        "https://host/file.skops?version=1",
        "http://host:8080/file",
        "pvc://claim/a/b",
        "configmap://name/key",
        "oci://registry:5000/models/churn@sha256:" + "ab" * 32,
    ],
)
def test_every_supported_source_is_accepted(uri: str) -> None:
    assert parsed({"model": {"uri": uri}}).spec.model.uri == uri


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        pytest.param({"uri": ""}, "set exactly one of uri and image", id="an empty uri is none"),
        pytest.param({"uri": "gs://b/x"}, 'got "gs://b/x"', id="a later version's scheme"),
        pytest.param({"uri": "s3:///x"}, "followed by a location without spaces", id="no bucket"),
        pytest.param({"uri": "s3://b/x y"}, "a location without spaces", id="a space"),
        pytest.param({"uri": "s3://b/x\n"}, "a location without spaces", id="a line break"),
        pytest.param({"uri": 7}, "spec.model.uri: expected a string, got 7", id="a number"),
        pytest.param(
            {"image": IMAGE.replace("sha256", "sha512")}, "image must end with a digest", id="no sha256"
        ),
        pytest.param(
            {"image": IMAGE, "credentials": {"secretName": "s"}},
            "require uri",
            id="credentials without a source",
        ),
        pytest.param({"image": IMAGE, "allowPickle": True}, "require uri", id="a pickle in an image"),
        pytest.param({**URI, "allowPickle": "yes"}, "spec.model.allowPickle", id="a string for a boolean"),
        pytest.param(
            {**URI, "format": "SKLEARN"}, "expected one of sklearn, skops, xgboost, onnx", id="capitals"
        ),
        pytest.param(
            {**URI, "credentials": {}}, "spec.model.credentials.secretName: is required", id="no name"
        ),
    ],
)
def test_other_models_are_rejected(raw: dict[str, Any], message: str) -> None:
    assert message in error_of({"model": raw})


def test_empty_values_are_accepted_beside_an_image() -> None:
    assert parsed({"model": {"image": IMAGE, "allowPickle": False, "digest": ""}}).spec.model.image == IMAGE


def test_a_format_is_parsed() -> None:
    assert parsed({"model": {**URI, "format": "onnx"}}).spec.model.format is model.ModelFormat.ONNX


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        pytest.param([{"weight": 10}, {"weight": 10}], "must be greater than the one before it", id="equal"),
        pytest.param([{"hold": "1m"}], "spec.rollout.steps[0].weight: is required", id="no weight"),
        pytest.param([{"weight": "10"}], "spec.rollout.steps[0].weight", id="a text"),
        pytest.param([{"weight": 10.5}], "spec.rollout.steps[0].weight", id="a fraction"),
        pytest.param([{"weight": True}], "spec.rollout.steps[0].weight", id="a boolean"),
        pytest.param([{"weight": 1 + n} for n in range(21)], "spec.rollout.steps", id="too many"),
        pytest.param({"weight": 10}, "spec.rollout.steps", id="no list"),
    ],
)
def test_other_steps_are_rejected(steps: Any, message: str) -> None:
    assert message in error_of({"rollout": {"steps": steps}})


def test_an_empty_list_of_steps_is_accepted() -> None:
    assert parsed({"rollout": {"steps": []}}).spec.rollout.steps == ()


def test_a_step_may_have_all_the_traffic() -> None:
    steps = parsed({"rollout": {"steps": [{"weight": 1}, {"weight": 100, "hold": "0s"}]}}).spec.rollout.steps
    assert steps == (rollout.Step(weight=1), rollout.Step(weight=100, hold=timedelta(0)))


@pytest.mark.parametrize(
    ("raw", "floor", "autoscaled"),
    [
        pytest.param({"replicas": 3}, 3, False, id="fixed"),
        pytest.param({"replicas": 0}, 0, False, id="nothing runs"),
        pytest.param({"minReplicas": 2, "maxReplicas": 2}, 2, True, id="bounds may touch"),
    ],
)
def test_the_initial_number_of_pods(raw: dict[str, Any], floor: int, autoscaled: bool) -> None:
    result = parsed({"scaling": raw}).spec.scaling
    assert (result.floor, result.autoscaled) == (floor, autoscaled)


def test_the_default_metric_is_cpu() -> None:
    result = parsed({"scaling": {"minReplicas": 1, "maxReplicas": 3}}).spec.scaling
    assert result.effective_metrics == (scaling.Metric(cpu=70),)


def test_metrics_of_the_spec_are_passed_on_unchanged() -> None:
    raw = {"type": "Pods", "pods": {"metric": {"name": "depth"}}}
    result = parsed({"scaling": {"minReplicas": 1, "maxReplicas": 3, "metrics": [{"raw": raw}]}}).spec.scaling
    assert result.effective_metrics == (scaling.Metric(raw=raw),)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        pytest.param(
            {"maxReplicas": 2}, "set minReplicas and maxReplicas together", id="a maximum without a minimum"
        ),
        pytest.param({"minReplicas": 0, "maxReplicas": 2}, "spec.scaling.minReplicas", id="a minimum of 0"),
        pytest.param({"replicas": -1}, "spec.scaling.replicas", id="negative replicas"),
        pytest.param(
            {"behavior": {"scaleUp": {}}}, "require minReplicas and maxReplicas", id="behavior without bounds"
        ),
        pytest.param(
            {"minReplicas": 1, "maxReplicas": 2, "metrics": [{}]},
            "exactly one of cpu and raw",
            id="no metric",
        ),
        pytest.param(
            {"minReplicas": 1, "maxReplicas": 2, "behavior": {"scaleDown": "slow"}},
            'spec.scaling.behavior.scaleDown: expected an object, got "slow"',
            id="a string for an object",
        ),
        pytest.param(
            {"disruptionBudget": {"maxUnavailable": True}}, "a number of pods or a percentage", id="a boolean"
        ),
        pytest.param(
            {"disruptionBudget": {"maxUnavailable": -1}}, "a number of pods or a percentage", id="negative"
        ),
        pytest.param(
            {"disruptionBudget": {"maxUnavailable": "5"}}, "a number of pods or a percentage", id="a text"
        ),
    ],
)
def test_other_scaling_is_rejected(raw: dict[str, Any], message: str) -> None:
    assert message in error_of({"scaling": raw})


@pytest.mark.parametrize("value", [0, 3, "0%", "25%", "100%"])
def test_a_budget_is_a_count_or_a_percentage(value: int | str) -> None:
    raw = {"disruptionBudget": {"maxUnavailable": value}}
    assert parsed({"scaling": raw}).spec.scaling.disruption_budget.max_unavailable == value


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        pytest.param({"env": [{"value": "a"}]}, "spec.serving.env[0].name: is required", id="no name"),
        pytest.param({"env": [{"name": "A=B"}]}, "spec.serving.env[0].name", id="no variable's name"),
        pytest.param({"env": [{"name": "A", "value": 1}]}, "spec.serving.env[0].value", id="a number"),
        pytest.param(
            {"env": [{"name": "A", "valueFrom": {}}]}, "set exactly one of configMapKeyRef", id="nowhere"
        ),
        pytest.param({"maxConcurrency": 0}, "greater than or equal to 1", id="no concurrency"),
        pytest.param({"warmup": {"requests": -1}}, "spec.serving.warmup.requests", id="fewer than none"),
        pytest.param(
            {"pod": {"labels": {"app.kubernetes.io/name": "x"}}},
            "are reserved for the operator",
            id="the selector",
        ),
        pytest.param({"pod": {"affinity": []}}, "spec.serving.pod.affinity", id="a list for an object"),
        pytest.param(
            {"pod": {"hostNetwork": True}}, 'unknown field "spec.serving.pod.hostNetwork"', id="not ours"
        ),
        pytest.param(
            {"resources": {"claims": []}}, 'unknown field "spec.serving.resources.claims"', id="claims"
        ),
    ],
)
def test_other_serving_is_rejected(raw: dict[str, Any], message: str) -> None:
    assert message in error_of({"serving": raw})


def test_an_empty_value_beside_a_source_is_ignored() -> None:
    raw = {"name": "A", "value": "", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    assert parsed({"serving": {"env": [raw]}}).spec.serving.env[0].value_from is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"requests": {"cpu": "1000m"}}, {"requests": {"cpu": 1}}, id="a cpu"),
        pytest.param({"limits": {"memory": "1Gi"}}, {"limits": {"memory": "1024Mi"}}, id="memory"),
        pytest.param({"requests": {}}, {}, id="empty is absent"),
        pytest.param({"requests": {"a/b": 1, "cpu": 2}}, {"requests": {"cpu": 2, "a/b": 1}}, id="order"),
    ],
)
def test_equal_resources_have_the_same_canonical_form(one: Any, other: Any) -> None:
    forms = [
        parsed({"serving": {"resources": raw}}).spec.serving.resources.canonical() for raw in (one, other)
    ]
    assert forms[0] == forms[1]
    assert list(forms[0]) == list(forms[1])


def test_a_parsed_spec_is_serialized_without_defaults() -> None:
    raw = {"model": URI, "rollout": {"steps": [{"weight": 5, "hold": "90s"}]}, "paused": True}
    again = parsed(raw).spec.to_dict()
    assert again == {"model": URI, "rollout": {"steps": [{"weight": 5, "hold": "1m30s"}]}, "paused": True}
    assert parsed(again).spec == parsed(raw).spec


def test_history_has_at_least_one_revision_for_a_rollback() -> None:
    """A failed rollout returns to the previous revision, which therefore must be kept."""
    assert "spec.rollout.historyLimit: expected a value greater than or equal to 1" in error_of(
        {"rollout": {"historyLimit": 0}}
    )
