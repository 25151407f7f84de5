"""The name of a revision: which changes of the spec give a new one, and which do not."""

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
    """Return the parsed spec; its model is fetched from URI unless `raw` says otherwise."""
    return validation.validate(spec.Spec, {"model": URI, **raw})


def name_of(references: dict[str, str] | None = None, **raw: Any) -> str:
    """Return the revision that a spec describes."""
    wanted = parsed(**raw)
    build = revision.build_id_of(wanted, "shop", SETTINGS)
    return revision.revision_of(revision.fingerprint_of(wanted, build, references or {}), {})


def build_of(operator: settings.Settings = SETTINGS, namespace: str = "shop", **raw: Any) -> str:
    """Return the id of the build that a spec describes."""
    return revision.build_id_of(parsed(**raw), namespace, operator)


def serving(**part: Any) -> dict[str, Any]:
    """Return a spec with this part of `serving`."""
    return {"serving": part}


SAME = [
    pytest.param(serving(timeout="30s"), id="a default value that is written out"),
    pytest.param(serving(timeout="30000ms"), id="another spelling of a duration"),
    pytest.param(serving(env=[], pod={}, resources={}), id="empty fields"),
    pytest.param(serving(pod={"nodeSelector": {}, "tolerations": []}), id="empty fields of the pod"),
    pytest.param({"scaling": {"replicas": 9}}, id="the replicas"),
    pytest.param({"rollout": {"steps": []}}, id="the steps of the rollout"),
    pytest.param({"paused": True}, id="pausing"),
    pytest.param(
        {"build": {"timeout": "1h", "resources": {"limits": {"cpu": "4"}}}},
        id="the timeout and resources of the build",
    ),
]


@pytest.mark.parametrize("change", SAME)
def test_a_change_that_the_pods_do_not_run_keeps_the_revision(change: dict[str, Any]) -> None:
    assert name_of(**change) == name_of()


CHANGES = [
    pytest.param(serving(env=[{"name": "A", "value": "b"}]), id="an environment variable"),
    pytest.param(serving(timeout="31s"), id="a timeout"),
    pytest.param(serving(pod={"nodeSelector": {"ml": ""}}), id="a node selector with an empty value"),
    pytest.param(serving(pod={"labels": {"team": ""}}), id="a label with an empty value"),
    pytest.param(serving(pod={"affinity": {"podAffinity": {}}}), id="an affinity"),
    pytest.param(serving(resources={"limits": {"memory": "1Gi"}}), id="resources"),
    pytest.param({"build": {"registry": {"pullSecretName": "pull"}}}, id="a pull secret"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_the_pods_run_is_a_new_revision_of_the_same_build(change: dict[str, Any]) -> None:
    assert name_of(**change) != name_of()
    assert build_of(**change) == build_of()


@pytest.mark.parametrize(
    ("quantity", "equal"), [("1000m", "1"), ("1Gi", "1024Mi"), ("0.5", "500m"), ("2", 2), ("1e3", "1k")]
)
def test_quantities_that_are_equal_give_the_same_revision(quantity: str, equal: str | int) -> None:
    def revision_with(memory: str | int) -> str:
        return name_of(**serving(resources={"limits": {"memory": memory}}))

    assert revision_with(quantity) == revision_with(equal)


@given(st.permutations(["timeout", "maxConcurrency", "warmup"]))
def test_the_order_of_keys_does_not_change_the_revision(order: list[str]) -> None:
    parts = {"timeout": "5s", "maxConcurrency": 3, "warmup": {"requests": 1}}
    assert name_of(**serving(**{key: parts[key] for key in order})) == name_of(**serving(**parts))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"model": {"uri": "s3://models/churn/8/"}}, id="another uri"),
        pytest.param({"model": {**URI, "format": "onnx"}}, id="another format"),
        pytest.param({"model": {**URI, "allowPickle": True}}, id="allowPickle"),
        pytest.param(
            {"model": {**URI, "credentials": {"secretName": "s3"}}}, id="another Secret for the source"
        ),
        pytest.param({"build": {"refresh": "again"}}, id="a refresh"),
        pytest.param({"build": {"runtime": "onnx"}}, id="another runtime"),
    ],
)
def test_a_change_of_what_the_image_is_built_from_is_a_new_build_and_revision(change: dict[str, Any]) -> None:
    assert build_of(**change) != build_of()
    assert name_of(**change) != name_of()


@pytest.mark.parametrize("secret", ["pushSecretName", "pullSecretName"])
def test_the_secrets_of_the_registry_do_not_change_the_build(secret: str) -> None:
    assert build_of(build={"registry": {secret: "login"}}) == build_of()


def test_namespaces_do_not_share_builds() -> None:
    assert build_of(namespace="other") != build_of()


def test_an_image_that_the_spec_names_has_no_build() -> None:
    assert build_of(model={"image": "r/x@sha256:" + "1" * 64}) == ""


def test_changed_data_of_a_referenced_object_is_a_new_revision() -> None:
    assert name_of({"ConfigMap a": "1"}) != name_of({"ConfigMap a": "2"})


def test_two_fingerprints_with_the_same_prefix_get_different_names() -> None:
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
def test_a_build_begins_on_the_runtime_that_the_spec_or_the_format_names(
    raw: dict[str, Any], runtime: str
) -> None:
    assert revision.runtime_for(parsed(**raw), SETTINGS) == runtime
