"""The base classes: models are immutable, camelCase on the wire, and have rules in Python and CEL."""

from typing import Any

import pytest
from pydantic import ValidationError

from seatrial.api import base, rollout_decision, spec, status


class Pair(base.SpecModel):
    """Two numbers in order."""

    low_end: int
    high_end: int = 9

    @base.rule("lowEnd must not be more than {highEnd}", cel="self.lowEnd <= self.highEnd", field="lowEnd")
    def ordered(self) -> bool:
        """Return whether the first is not the larger."""
        return self.low_end <= self.high_end


class Wide(Pair):
    """Two numbers far apart."""

    @base.rule("they must differ", cel="self.lowEnd != self.highEnd")
    def apart(self) -> bool:
        """Return whether they differ."""
        return self.low_end != self.high_end


def test_a_model_is_immutable() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Pair(low_end=1).low_end = 2  # type: ignore[misc]  # that is the point


@pytest.mark.parametrize("raw", [{"lowEnd": 1}, {"low_end": 1}])
def test_a_model_is_parsed_from_camel_case(raw: dict[str, Any]) -> None:
    assert Pair.model_validate(raw).low_end == 1


def test_a_model_is_serialized_without_defaults() -> None:
    assert Pair(low_end=1).to_dict() == {"lowEnd": 1}


def test_the_message_of_a_rule_may_contain_braces() -> None:
    with pytest.raises(ValidationError, match=r"lowEnd must not be more than \{highEnd\}"):
        Pair(low_end=10)


def test_rules_of_base_classes_come_first() -> None:
    assert [rule.message for rule, _ in base.rules_of(Wide)] == [
        "lowEnd must not be more than {highEnd}",
        "they must differ",
    ]


@pytest.mark.parametrize("model", [spec.Spec, rollout_decision.DecisionSpec])
def test_the_schema_contains_every_rule(model: type[base.SpecModel]) -> None:
    written = [entry["message"] for entry in _entries(model.model_json_schema())]
    for rule, _ in base.rules_of(model):
        assert rule.message in written


def _entries(schema: Any) -> list[dict[str, str]]:
    if isinstance(schema, dict):
        own = schema.get("x-kubernetes-validations", [])
        return [*own, *(entry for part in schema.values() for entry in _entries(part))]
    return []


@pytest.mark.parametrize(
    ("alias", "expected"),
    [
        pytest.param("stable", status.TrackStatus, id="an option"),
        pytest.param("rejected", status.Rejected, id="a list"),
        pytest.param("phase", status.Status, id="no model"),
        pytest.param("nothing", status.Status, id="no field"),
    ],
)
def test_the_model_of_a_field_is_found_in_options_and_lists(alias: str, expected: type) -> None:
    assert base.model_at(status.Status, alias) is expected
