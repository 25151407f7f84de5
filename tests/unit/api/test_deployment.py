"""A ModelDeployment as a value."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api import deployment, keys, refusal
from tests.unit.api.objects import URI, body, parsed, refusal_of

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def test_who_it_is() -> None:
    found = parsed(
        uid="u",
        generation=3,
        resourceVersion="17",
        creationTimestamp="2026-11-21T10:00:00Z",
        labels={"team": "shop"},
    )
    assert found.key == keys.Key("shop", "churn")
    assert (found.uid, found.generation, found.resource_version) == ("u", 3, "17")
    assert found.created_at == datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert found.labels == {"team": "shop"}
    assert not found.deleting


def test_it_is_being_deleted() -> None:
    assert parsed(deletionTimestamp="2026-11-21T10:00:00Z").deleting


def test_before_the_server_has_it_much_is_empty() -> None:
    found = deployment.parse({"metadata": {"name": "churn"}, "spec": {"model": URI}})
    assert (found.key.namespace, found.uid, found.generation, found.created_at) == ("default", "", 0, None)


def test_the_spec_is_kept_as_it_was_written() -> None:
    given = {"rollout": {"progressDeadline": "600s"}}
    assert parsed(given).raw_spec == {"model": URI, **given}


def test_a_key_is_said_as_kubernetes_says_it() -> None:
    assert str(keys.Key("shop", "churn")) == "shop/churn"


@pytest.mark.parametrize("name", ["a", "a1", "a-b", "a" * 40])
def test_names(name: str) -> None:
    assert parsed(name=name).key.name == name


@pytest.mark.parametrize("name", ["", "A", "1a", "-a", "a-", "a.b", "a_b", "a" * 41, "a\n"])
def test_refused_names(name: str) -> None:
    assert refusal_of(name=name).startswith("metadata.name: must be a DNS label of at most 40 characters")


def test_a_sentence_names_field_expectation_and_what_came() -> None:
    told = refusal_of({"rollout": {"strategy": "BlueGreen"}})
    assert told == 'spec.rollout.strategy: must be one of Canary, Recreate; got "BlueGreen"'


def test_an_unknown_field_is_answered_with_the_known_ones() -> None:
    told = refusal_of({"rollout": {"steps": [{"weight": 1, "pause": "1m"}]}})
    assert told == 'unknown field "spec.rollout.steps[0].pause"; known here: weight, hold'


def test_many_mistakes_are_counted() -> None:
    told = refusal_of(dict.fromkeys("abcde", 1))
    assert told.count("unknown field") == 3
    assert told.endswith("; and 2 more")


def test_a_long_value_is_cut() -> None:
    assert len(refusal_of({"rollout": {"strategy": "x" * 10_000}})) < 250


@pytest.mark.parametrize("raw", [None, {}, [], "", {"paused": True}])
def test_no_model(raw: Any) -> None:
    with pytest.raises(refusal.InvalidSpec, match=r"spec.model: is required"):
        deployment.parse({"metadata": {"name": "churn"}, "spec": raw})


@given(JSON, JSON)
def test_whatever_comes_is_parsed_or_refused(spec: Any, status: Any) -> None:
    raw = {**body(), "spec": spec, "status": status}
    try:
        deployment.parse(raw)
    except deployment.InvalidSpec as refused:
        assert "spec" in str(refused)  # noqa: PT017  either way is right


@given(JSON)
def test_whatever_the_status_is_the_spec_is_read(status: Any) -> None:
    assert deployment.parse({**body(), "status": status}).spec == parsed().spec
