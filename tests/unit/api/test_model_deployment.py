"""Parsing of a ModelDeployment, and the errors about an invalid one."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api import model_deployment, validation
from seatrial.api.metadata import Key
from tests.unit.api.bodies import URI, body, error_of, parsed

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)

METADATA = [
    "name",
    "namespace",
    "uid",
    "generation",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
]
METADATA += ["labels", "annotations", "ownerReferences"]
ANYTHING: list[Any] = [
    None,
    5,
    -1,
    2.5,
    True,
    "",
    "x",
    "2026-11-21T10:00:00Z",
    [],
    ["a"],
    {},
    {"a": 1},
    {"a": "b"},
]


def test_metadata_is_parsed() -> None:
    result = parsed(uid="u", generation=3, resourceVersion="17", creationTimestamp="2026-11-21T10:00:00Z")
    assert result.key == Key("shop", "churn")
    assert (result.uid, result.generation, result.resource_version) == ("u", 3, "17")
    assert result.created_at == datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert not result.deleting


def test_an_object_with_a_deletion_timestamp_is_being_deleted() -> None:
    assert parsed(deletionTimestamp="2026-11-21T10:00:00Z").deleting


def test_metadata_that_the_server_sets_is_empty_before_the_object_is_stored() -> None:
    result = model_deployment.parse({"metadata": {"name": "churn"}, "spec": {"model": URI}})
    assert (result.key.namespace, result.uid, result.generation, result.created_at) == (
        "default",
        "",
        0,
        None,
    )


def test_a_key_is_formatted_as_namespace_and_name() -> None:
    assert str(Key("shop", "churn")) == "shop/churn"


@pytest.mark.parametrize("name", ["a", "a1", "a-b", "a" * 40])
def test_a_dns_label_is_a_valid_name(name: str) -> None:
    assert parsed(name=name).key.name == name


@pytest.mark.parametrize("name", ["", "A", "1a", "-a", "a-", "a.b", "a_b", "a" * 41, "a\n"])
def test_other_names_are_rejected(name: str) -> None:
    assert error_of(name=name).startswith("metadata.name: expected a DNS label of at most 40 characters")


def test_an_error_names_the_field_the_expectation_and_the_value() -> None:
    message = error_of({"rollout": {"strategy": "BlueGreen"}})
    assert message == 'spec.rollout.strategy: expected one of Canary, Recreate, got "BlueGreen"'


def test_an_error_about_an_unknown_field_lists_the_known_fields() -> None:
    message = error_of({"rollout": {"steps": [{"weight": 1, "pause": "1m"}]}})
    assert message == 'unknown field "spec.rollout.steps[0].pause"; known fields: weight, hold'


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param({"build": 5}, "spec.build: expected an object, got 5", id="an object"),
        pytest.param(
            {"serving": {"resources": {"limits": "1Gi"}}},
            'spec.serving.resources.limits: expected an object, got "1Gi"',
            id="a map",
        ),
        pytest.param(
            {"serving": {"env": {}}}, "spec.serving.env: expected a list, got an object", id="a list"
        ),
        pytest.param({"build": {"refresh": 3}}, "spec.build.refresh: expected a string, got 3", id="a text"),
        pytest.param({"paused": "yes"}, 'spec.paused: expected true or false, got "yes"', id="yes or no"),
        pytest.param(
            {"scaling": {"replicas": "2"}}, 'spec.scaling.replicas: expected an integer, got "2"', id="2"
        ),
        pytest.param(
            {"scaling": {"replicas": 2.5}}, "spec.scaling.replicas: expected an integer, got 2.5", id="2.5"
        ),
        pytest.param(
            {"build": {"registry": {"pushSecretName": "My Secret"}}},
            "spec.build.registry.pushSecretName: expected the name of an object: lower-case letters, digits, "
            "'-' and '.', got \"My Secret\"",
            id="a name",
        ),
        pytest.param({1: 2}, "spec[1]: expected a string for every key, got 1", id="a number for a key"),
    ],
)
def test_an_error_uses_the_terms_of_yaml(spec: Any, message: str) -> None:
    assert error_of(spec) == message


@pytest.mark.parametrize("generation", [True, "3", 3.0, None])
def test_a_generation_that_is_not_an_integer_is_ignored(generation: Any) -> None:
    assert parsed(generation=generation).generation == 0


@given(st.dictionaries(st.sampled_from(METADATA), st.sampled_from(ANYTHING)))
def test_any_metadata_is_parsed_or_the_name_is_rejected(metadata: Any) -> None:
    try:
        model_deployment.parse({"metadata": metadata, "spec": {"model": URI}})
    except model_deployment.InvalidSpec as error:
        assert str(error).startswith("metadata.name: ")  # noqa: PT017  either way is right


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        pytest.param(
            {"scaling": {"min_replicas": 1, "max_replicas": 2}}, "spec.scaling.min_replicas", id="bounds"
        ),
        pytest.param({"model": {**URI, "allow_pickle": True}}, "spec.model.allow_pickle", id="a permission"),
        pytest.param({"serving": {"env_from": []}}, "spec.serving.env_from", id="a list"),
    ],
)
def test_the_python_name_of_a_field_is_unknown_to_the_api(spec: Any, field: str) -> None:
    assert error_of(spec).startswith(f'unknown field "{field}"')


def test_a_long_name_of_a_field_is_truncated_in_an_error() -> None:
    assert len(error_of({"x" * 10_000: 1})) < 250
    assert len(error_of({"serving": {"resources": {"limits": {"x" * 10_000: "much"}}}})) < 300


def test_an_error_lists_three_mistakes_and_counts_the_others() -> None:
    message = error_of(dict.fromkeys("abcde", 1))
    assert message.count("unknown field") == 3
    assert message.endswith("; and 2 more")


def test_a_long_value_is_truncated_in_an_error() -> None:
    assert len(error_of({"rollout": {"strategy": "x" * 10_000}})) < 250


@pytest.mark.parametrize("raw", [None, {}, [], "", {"paused": True}])
def test_a_spec_without_a_model_is_rejected(raw: Any) -> None:
    with pytest.raises(validation.InvalidSpec, match=r"spec.model: is required"):
        model_deployment.parse({"metadata": {"name": "churn"}, "spec": raw})


@given(JSON, JSON)
def test_any_input_is_parsed_or_rejected(spec: Any, status: Any) -> None:
    raw = {**body(), "spec": spec, "status": status}
    try:
        model_deployment.parse(raw)
    except model_deployment.InvalidSpec as error:
        assert "spec" in str(error)  # noqa: PT017  either way is right


@given(JSON)
def test_the_spec_is_parsed_whatever_the_status_is(status: Any) -> None:
    assert model_deployment.parse({**body(), "status": status}).spec == parsed().spec
