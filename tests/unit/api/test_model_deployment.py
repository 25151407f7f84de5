"""A ModelDeployment as a value."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api import model_deployment, validation
from seatrial.api.metadata import Key
from tests.unit.api.bodies import URI, body, parsed, refusal_of

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)

HEAD = ["name", "namespace", "uid", "generation", "resourceVersion", "creationTimestamp", "deletionTimestamp"]
HEAD += ["labels", "annotations", "ownerReferences"]
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


def test_who_it_is() -> None:
    found = parsed(uid="u", generation=3, resourceVersion="17", creationTimestamp="2026-11-21T10:00:00Z")
    assert found.key == Key("shop", "churn")
    assert (found.uid, found.generation, found.resource_version) == ("u", 3, "17")
    assert found.created_at == datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert not found.deleting


def test_it_is_being_deleted() -> None:
    assert parsed(deletionTimestamp="2026-11-21T10:00:00Z").deleting


def test_before_the_server_has_it_much_is_empty() -> None:
    found = model_deployment.parse({"metadata": {"name": "churn"}, "spec": {"model": URI}})
    assert (found.key.namespace, found.uid, found.generation, found.created_at) == ("default", "", 0, None)


def test_a_key_is_said_as_kubernetes_says_it() -> None:
    assert str(Key("shop", "churn")) == "shop/churn"


@pytest.mark.parametrize("name", ["a", "a1", "a-b", "a" * 40])
def test_names(name: str) -> None:
    assert parsed(name=name).key.name == name


@pytest.mark.parametrize("name", ["", "A", "1a", "-a", "a-", "a.b", "a_b", "a" * 41, "a\n"])
def test_refused_names(name: str) -> None:
    assert refusal_of(name=name).startswith("metadata.name: expected a DNS label of at most 40 characters")


def test_a_sentence_names_field_expectation_and_what_came() -> None:
    told = refusal_of({"rollout": {"strategy": "BlueGreen"}})
    assert told == 'spec.rollout.strategy: expected one of Canary, Recreate, got "BlueGreen"'


def test_an_unknown_field_is_answered_with_the_known_ones() -> None:
    told = refusal_of({"rollout": {"steps": [{"weight": 1, "pause": "1m"}]}})
    assert told == 'unknown field "spec.rollout.steps[0].pause"; known fields: weight, hold'


@pytest.mark.parametrize(
    ("spec", "told"),
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
def test_a_sentence_speaks_of_yaml_and_not_of_python(spec: Any, told: str) -> None:
    assert refusal_of(spec) == told


@pytest.mark.parametrize("generation", [True, "3", 3.0, None])
def test_a_generation_is_a_whole_number(generation: Any) -> None:
    assert parsed(generation=generation).generation == 0


@given(st.dictionaries(st.sampled_from(HEAD), st.sampled_from(ANYTHING)))
def test_whatever_the_head_is_the_object_is_parsed_or_its_name_refused(head: Any) -> None:
    try:
        model_deployment.parse({"metadata": head, "spec": {"model": URI}})
    except model_deployment.InvalidSpec as refused:
        assert str(refused).startswith("metadata.name: ")  # noqa: PT017  either way is right


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
def test_a_word_of_python_is_no_word_of_the_api(spec: Any, field: str) -> None:
    assert refusal_of(spec).startswith(f'unknown field "{field}"')


def test_a_long_name_of_a_field_is_cut() -> None:
    assert len(refusal_of({"x" * 10_000: 1})) < 250
    assert len(refusal_of({"serving": {"resources": {"limits": {"x" * 10_000: "much"}}}})) < 300


def test_many_mistakes_are_counted() -> None:
    told = refusal_of(dict.fromkeys("abcde", 1))
    assert told.count("unknown field") == 3
    assert told.endswith("; and 2 more")


def test_a_long_value_is_cut() -> None:
    assert len(refusal_of({"rollout": {"strategy": "x" * 10_000}})) < 250


@pytest.mark.parametrize("raw", [None, {}, [], "", {"paused": True}])
def test_no_model(raw: Any) -> None:
    with pytest.raises(validation.InvalidSpec, match=r"spec.model: is required"):
        model_deployment.parse({"metadata": {"name": "churn"}, "spec": raw})


@given(JSON, JSON)
def test_whatever_comes_is_parsed_or_refused(spec: Any, status: Any) -> None:
    raw = {**body(), "spec": spec, "status": status}
    try:
        model_deployment.parse(raw)
    except model_deployment.InvalidSpec as refused:
        assert "spec" in str(refused)  # noqa: PT017  either way is right


@given(JSON)
def test_whatever_the_status_is_the_spec_is_read(status: Any) -> None:
    assert model_deployment.parse({**body(), "status": status}).spec == parsed().spec
