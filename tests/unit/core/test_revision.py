"""Who a revision is: what changes its name, and what does not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api import settings, spec, validation
from seatrial.core import revision
from tests.builders import SETTINGS

URI = {"uri": "s3://models/churn/7/"}


def parsed(**raw: Any) -> spec.Spec:
    return validation.validate(spec.Spec, {"model": URI, **raw})


def name_of(references: dict[str, str] | None = None, **raw: Any) -> str:
    wanted = parsed(**raw)
    build = revision.build_id_of(wanted, "shop", SETTINGS)
    return revision.revision_of(revision.fingerprint_of(wanted, build, references or {}), {})


def build_of(operator: settings.Settings = SETTINGS, namespace: str = "shop", **raw: Any) -> str:
    return revision.build_id_of(parsed(**raw), namespace, operator)


def serving(**part: Any) -> dict[str, Any]:
    return {"serving": part}


SAME = [
    pytest.param(serving(timeout="30s"), id="a default that is written out"),
    pytest.param(serving(timeout="30000ms"), id="another spelling of a duration"),
    pytest.param(serving(env=[], pod={}, resources={}), id="empty parts"),
    pytest.param(serving(pod={"nodeSelector": {}, "tolerations": []}), id="empty parts of the pod"),
    pytest.param({"scaling": {"replicas": 9}}, id="scaling"),
    pytest.param({"rollout": {"steps": []}}, id="the rules of the rollout"),
    pytest.param({"paused": True}, id="a pause"),
    pytest.param({"build": {"timeout": "1h", "resources": {"limits": {"cpu": "4"}}}}, id="how it is built"),
]


@pytest.mark.parametrize("change", SAME)
def test_what_pods_do_not_run_is_no_new_revision(change: dict[str, Any]) -> None:
    assert name_of(**change) == name_of()


CHANGES = [
    pytest.param(serving(env=[{"name": "A", "value": "b"}]), id="an environment variable"),
    pytest.param(serving(timeout="31s"), id="a time-out"),
    pytest.param(serving(pod={"nodeSelector": {"ml": ""}}), id="a node selector with an empty value"),
    pytest.param(serving(pod={"labels": {"team": ""}}), id="a label with an empty value"),
    pytest.param(serving(pod={"affinity": {"podAffinity": {}}}), id="a part of Kubernetes' own API"),
    pytest.param(serving(resources={"limits": {"memory": "1Gi"}}), id="resources"),
    pytest.param({"build": {"registry": {"pullSecretName": "pull"}}}, id="a pull secret"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_what_pods_run_is_a_new_revision_of_the_same_build(change: dict[str, Any]) -> None:
    assert name_of(**change) != name_of()
    assert build_of(**change) == build_of()


@pytest.mark.parametrize(
    ("one", "other"), [("1000m", "1"), ("1Gi", "1024Mi"), ("0.5", "500m"), ("2", 2), ("1e3", "1k")]
)
def test_equal_amounts_are_one_revision(one: str, other: str | int) -> None:
    def of(amount: str | int) -> str:
        return name_of(**serving(resources={"limits": {"memory": amount}}))

    assert of(one) == of(other)


@given(st.permutations(["timeout", "maxConcurrency", "warmup"]))
def test_the_order_of_keys_does_not_matter(order: list[str]) -> None:
    parts = {"timeout": "5s", "maxConcurrency": 3, "warmup": {"requests": 1}}
    assert name_of(**serving(**{key: parts[key] for key in order})) == name_of(**serving(**parts))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"model": {"uri": "s3://models/churn/8/"}}, id="another source"),
        pytest.param({"model": {**URI, "format": "onnx"}}, id="another format"),
        pytest.param({"model": {**URI, "allowPickle": True}}, id="pickles allowed"),
        pytest.param({"model": {**URI, "credentials": {"secretName": "s3"}}}, id="other keys to the source"),
        pytest.param({"build": {"refresh": "again"}}, id="a refresh"),
        pytest.param({"build": {"runtime": "onnx"}}, id="another runtime"),
    ],
)
def test_what_an_image_is_made_from_is_another_build_and_revision(change: dict[str, Any]) -> None:
    assert build_of(**change) != build_of()
    assert name_of(**change) != name_of()


@pytest.mark.parametrize("secret", ["pushSecretName", "pullSecretName"])
def test_the_logins_of_the_registry_are_how_an_image_is_made_not_what(secret: str) -> None:
    assert build_of(build={"registry": {secret: "login"}}) == build_of()


def test_namespaces_do_not_share_builds() -> None:
    assert build_of(namespace="other") != build_of()


def test_a_given_image_has_no_build() -> None:
    assert build_of(model={"image": "r/x@sha256:" + "1" * 64}) == ""


def test_changed_content_of_a_reference_is_a_new_revision() -> None:
    assert name_of({"ConfigMap a": "1"}) != name_of({"ConfigMap a": "2"})


def test_two_fingerprints_that_meet_in_one_name_get_two_names() -> None:
    first = "a" * 64
    second = "a" * 10 + "b" * 54
    other = revision.revision_of(second, {"a" * 10: first})
    assert other != "a" * 10
    assert revision.revision_of(second, {"a" * 10: first, other: second}) == other
    assert revision.revision_of(first, {"a" * 10: first, other: second}) == "a" * 10


@pytest.mark.parametrize(
    ("raw", "runtime"),
    [({}, "sklearn"), ({"model": {**URI, "format": "skops"}}, "sklearn"), ({"build": {"runtime": "x"}}, "x")],
)
def test_a_build_begins_on_the_runtime_that_is_named_or_reads_the_format(
    raw: dict[str, Any], runtime: str
) -> None:
    assert revision.runtime_for(parsed(**raw), SETTINGS) == runtime
