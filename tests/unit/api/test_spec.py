"""What a spec may say, what it means when it says nothing, and the sentence for everything else.

The illegal examples show one refusal each; here are the edges beside them.
"""

from datetime import timedelta
from typing import Any

import pytest

from seatrial.api import model, rollout, scaling, traffic
from tests.unit.api.bodies import IMAGE, URI, parsed, refusal_of


def test_everything_but_the_model_has_a_default() -> None:
    spec = parsed().spec
    assert spec.build.timeout == timedelta(minutes=30)
    assert (spec.serving.timeout, spec.serving.max_concurrency) == (timedelta(seconds=30), 64)
    assert spec.serving.warmup.requests == 5
    assert (spec.scaling.floor, spec.scaling.autoscaled) == (1, False)
    assert spec.scaling.disruption_budget.max_unavailable == 1
    assert spec.traffic.replicas.when_too_few is traffic.WhenTooFew.PROCEED
    assert spec.rollout == rollout.Rollout()
    assert not spec.paused


def test_the_default_rollout_rises_in_five_minutes() -> None:
    steps = parsed().spec.rollout.steps
    assert [step.weight for step in steps] == [10, 25, 50]
    assert sum((step.hold for step in steps), timedelta()) == timedelta(minutes=5)


@pytest.mark.parametrize("empty", ["build", "serving", "scaling", "traffic", "rollout"])
def test_empty_is_absent(empty: str) -> None:
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
def test_sources(uri: str) -> None:
    assert parsed({"model": {"uri": uri}}).spec.model.uri == uri


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        pytest.param({"uri": ""}, "set exactly one of uri and image", id="an empty uri is none"),
        pytest.param({"uri": "gs://b/x"}, 'got "gs://b/x"', id="a later version's scheme"),
        pytest.param({"uri": "s3:///x"}, "name a place behind it", id="no bucket"),
        pytest.param({"uri": "s3://b/x y"}, "without spaces", id="a space"),
        pytest.param({"uri": "s3://b/x\n"}, "without spaces", id="a line break"),
        pytest.param({"uri": 7}, "spec.model.uri: must be a text; got 7", id="a number"),
        pytest.param(
            {"image": IMAGE.replace("sha256", "sha512")}, "image must end in a digest", id="no sha256"
        ),
        pytest.param(
            {"image": IMAGE, "credentials": {"secretName": "s"}}, "belong to uri", id="keys to nothing"
        ),
        pytest.param({"image": IMAGE, "allowPickle": True}, "belong to uri", id="a pickle in an image"),
        pytest.param({**URI, "allowPickle": "yes"}, "spec.model.allowPickle", id="a word for true"),
        pytest.param(
            {**URI, "format": "SKLEARN"}, "must be one of sklearn, skops, xgboost, onnx", id="capitals"
        ),
        pytest.param(
            {**URI, "credentials": {}}, "spec.model.credentials.secretName: is required", id="no name"
        ),
    ],
)
def test_refused_models(given: dict[str, Any], sentence: str) -> None:
    assert sentence in refusal_of({"model": given})


def test_saying_no_to_pickles_is_allowed_with_an_image() -> None:
    assert parsed({"model": {"image": IMAGE, "allowPickle": False, "digest": ""}}).spec.model.image == IMAGE


def test_a_format_is_a_word() -> None:
    assert parsed({"model": {**URI, "format": "onnx"}}).spec.model.format is model.ModelFormat.ONNX


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        pytest.param([{"weight": 10}, {"weight": 10}], "must be more than the one before it", id="equal"),
        pytest.param([{"hold": "1m"}], "spec.rollout.steps[0].weight: is required", id="no weight"),
        pytest.param([{"weight": "10"}], "spec.rollout.steps[0].weight", id="a text"),
        pytest.param([{"weight": 10.5}], "spec.rollout.steps[0].weight", id="half a percent"),
        pytest.param([{"weight": True}], "spec.rollout.steps[0].weight", id="yes"),
        pytest.param([{"weight": 1 + n} for n in range(21)], "spec.rollout.steps", id="too many"),
        pytest.param({"weight": 10}, "spec.rollout.steps", id="no list"),
    ],
)
def test_refused_steps(steps: Any, sentence: str) -> None:
    assert sentence in refusal_of({"rollout": {"steps": steps}})


def test_no_steps_are_allowed() -> None:
    assert parsed({"rollout": {"steps": []}}).spec.rollout.steps == ()


def test_a_step_may_go_all_the_way() -> None:
    steps = parsed({"rollout": {"steps": [{"weight": 1}, {"weight": 100, "hold": "0s"}]}}).spec.rollout.steps
    assert steps == (rollout.Step(weight=1), rollout.Step(weight=100, hold=timedelta(0)))


@pytest.mark.parametrize(
    ("given", "floor", "autoscaled"),
    [
        pytest.param({"replicas": 3}, 3, False, id="fixed"),
        pytest.param({"replicas": 0}, 0, False, id="nothing runs"),
        pytest.param({"minReplicas": 2, "maxReplicas": 2}, 2, True, id="bounds may touch"),
    ],
)
def test_scaling(given: dict[str, Any], floor: int, autoscaled: bool) -> None:
    found = parsed({"scaling": given}).spec.scaling
    assert (found.floor, found.autoscaled) == (floor, autoscaled)


def test_without_a_metric_cpu_is_followed() -> None:
    found = parsed({"scaling": {"minReplicas": 1, "maxReplicas": 3}}).spec.scaling
    assert found.followed == (scaling.Metric(cpu=70),)


def test_written_metrics_are_followed_as_they_are() -> None:
    raw = {"type": "Pods", "pods": {"metric": {"name": "depth"}}}
    found = parsed({"scaling": {"minReplicas": 1, "maxReplicas": 3, "metrics": [{"raw": raw}]}}).spec.scaling
    assert found.followed == (scaling.Metric(raw=raw),)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        pytest.param({"maxReplicas": 2}, "go together", id="a ceiling without a floor"),
        pytest.param(
            {"minReplicas": 0, "maxReplicas": 2}, "spec.scaling.minReplicas", id="a floor of nothing"
        ),
        pytest.param({"replicas": -1}, "spec.scaling.replicas", id="less than nothing"),
        pytest.param(
            {"behavior": {"scaleUp": {}}}, "need minReplicas and maxReplicas", id="behaviour of nothing"
        ),
        pytest.param(
            {"minReplicas": 1, "maxReplicas": 2, "metrics": [{}]},
            "exactly one of cpu and raw",
            id="no metric",
        ),
        pytest.param(
            {"minReplicas": 1, "maxReplicas": 2, "behavior": {"scaleDown": "slow"}},
            'spec.scaling.behavior.scaleDown: must be an object; got "slow"',
            id="a word for an object",
        ),
        pytest.param({"disruptionBudget": {"maxUnavailable": True}}, "a number of pods or a share", id="yes"),
        pytest.param({"disruptionBudget": {"maxUnavailable": -1}}, "a number of pods or a share", id="minus"),
        pytest.param(
            {"disruptionBudget": {"maxUnavailable": "5"}}, "a number of pods or a share", id="a text"
        ),
    ],
)
def test_refused_scaling(given: dict[str, Any], sentence: str) -> None:
    assert sentence in refusal_of({"scaling": given})


@pytest.mark.parametrize("value", [0, 3, "0%", "25%", "100%"])
def test_budgets(value: int | str) -> None:
    given = {"disruptionBudget": {"maxUnavailable": value}}
    assert parsed({"scaling": given}).spec.scaling.disruption_budget.max_unavailable == value


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        pytest.param({"env": [{"value": "a"}]}, "spec.serving.env[0].name: is required", id="no name"),
        pytest.param({"env": [{"name": "A=B"}]}, "spec.serving.env[0].name", id="no variable's name"),
        pytest.param({"env": [{"name": "A", "value": 1}]}, "spec.serving.env[0].value", id="a number"),
        pytest.param(
            {"env": [{"name": "A", "valueFrom": {}}]}, "set exactly one of configMapKeyRef", id="nowhere"
        ),
        pytest.param({"maxConcurrency": 0}, "greater than or equal to 1", id="answers nobody"),
        pytest.param({"warmup": {"requests": -1}}, "spec.serving.warmup.requests", id="fewer than none"),
        pytest.param(
            {"pod": {"labels": {"app.kubernetes.io/name": "x"}}}, "are the operator's", id="the selector"
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
def test_refused_serving(given: dict[str, Any], sentence: str) -> None:
    assert sentence in refusal_of({"serving": given})


def test_an_empty_value_beside_an_origin_is_none() -> None:
    given = {"name": "A", "value": "", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    assert parsed({"serving": {"env": [given]}}).spec.serving.env[0].value_from is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"requests": {"cpu": "1000m"}}, {"requests": {"cpu": 1}}, id="a cpu"),
        pytest.param({"limits": {"memory": "1Gi"}}, {"limits": {"memory": "1024Mi"}}, id="memory"),
        pytest.param({"requests": {}}, {}, id="empty is absent"),
        pytest.param({"requests": {"a/b": 1, "cpu": 2}}, {"requests": {"cpu": 2, "a/b": 1}}, id="order"),
    ],
)
def test_equal_resources_are_equal_in_their_canonical_form(one: Any, other: Any) -> None:
    forms = [
        parsed({"serving": {"resources": given}}).spec.serving.resources.canonical() for given in (one, other)
    ]
    assert forms[0] == forms[1]
    assert list(forms[0]) == list(forms[1])


def test_what_was_written_can_be_written_again() -> None:
    given = {"model": URI, "rollout": {"steps": [{"weight": 5, "hold": "90s"}]}, "paused": True}
    again = parsed(given).spec.to_dict()
    assert again == {"model": URI, "rollout": {"steps": [{"weight": 5, "hold": "1m30s"}]}, "paused": True}
    assert parsed(again).spec == parsed(given).spec


def test_there_is_always_one_revision_to_go_back_to() -> None:
    """A rollout that fails goes back to the one before: a limit of none could not be kept."""
    assert "spec.rollout.historyLimit: must be greater than or equal to 1" in refusal_of(
        {"rollout": {"historyLimit": 0}}
    )
