"""What is written is structural, and what cannot be is found before a server sees it."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from seatrial.api import base, durations
from seatrial.codegen import crd, schema

FORBIDDEN = {
    "$ref",
    "$defs",
    "title",
    "const",
    "allOf",
    "oneOf",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "default",
}


class Colour(StrEnum):
    """A colour."""

    RED = "Red"


class Inner(base.SpecModel):
    """The inner one."""

    name: Annotated[str, Field(max_length=5)] = ""
    """Its name."""


class Outer(base.SpecModel):
    """The outer one."""

    inner: Inner = Inner()
    """Of the field, not of the class."""

    colour: Colour | None = None
    """What it looks like."""

    wait: durations.Duration = timedelta(minutes=30)
    """How long,
    over two lines."""

    on: bool = False
    """Whether."""

    many: Annotated[tuple[Inner, ...], Field(max_length=3)] = ()
    """Some."""


OUTER = schema.structural(Outer, say_defaults=True)["properties"]


def everywhere(part: Any) -> list[dict[str, Any]]:
    """Every schema in a schema; the names of fields are not taken for keywords."""
    found = [part]
    for below in (*part.get("properties", {}).values(), part.get("items"), part.get("additionalProperties")):
        found += everywhere(below) if isinstance(below, dict) else []
    return found


@pytest.mark.parametrize("kind", crd.KINDS, ids=lambda kind: kind.kind)
class TestKinds:
    def test_it_is_structural(self, kind: crd.Kind) -> None:
        for part in everywhere(crd.object_schema(kind)):
            assert not FORBIDDEN & part.keys()
            assert "type" in part or part.get("x-kubernetes-int-or-string")

    def test_every_field_is_described(self, kind: crd.Kind) -> None:
        fields = crd.object_schema(kind)["properties"]
        for part in (*everywhere(fields["spec"]), *everywhere(fields["status"])):
            for name, field in part.get("properties", {}).items():
                assert field.get("description", "").endswith("."), name

    def test_every_field_that_may_be_left_out_says_what_is_taken_then(self, kind: crd.Kind) -> None:
        for part in everywhere(crd.object_schema(kind)["properties"]["spec"]):
            for name, field in part.get("properties", {}).items():
                silent = "properties" not in field and "Default" not in field["description"]
                assert not silent or name in part["required"], name

    def test_a_field_of_the_status_has_no_default_to_tell(self, kind: crd.Kind) -> None:
        for part in everywhere(crd.object_schema(kind)["properties"]["status"]):
            assert "Default:" not in part.get("description", "")

    def test_nothing_is_without_a_bound(self, kind: crd.Kind) -> None:
        fields = crd.object_schema(kind)["properties"]
        assert list(schema.unbounded(fields["spec"])) == []
        assert list(schema.unbounded(fields["status"])) == []

    def test_every_rule_has_a_sentence_that_fits(self, kind: crd.Kind) -> None:
        for part in everywhere(crd.object_schema(kind)):
            for rule in part.get("x-kubernetes-validations", ()):
                assert 0 < len(rule["message"]) <= 2048
                assert "\n" not in rule["message"]


def test_a_reference_is_filled_in_and_the_field_has_the_last_word() -> None:
    assert OUTER["inner"]["description"] == "Of the field, not of the class."
    assert OUTER["inner"]["properties"]["name"]["maxLength"] == 5


def test_an_option_is_its_type() -> None:
    assert OUTER["colour"] == {
        "description": "What it looks like. Default: none.",
        "enum": ["Red"],
        "type": "string",
    }


def test_a_default_is_told_as_users_write_it() -> None:
    assert OUTER["wait"]["description"] == "How long, over two lines. Default: 30m."
    assert OUTER["on"]["description"] == "Whether. Default: false."
    assert OUTER["many"]["description"] == "Some. Default: none."
    assert OUTER["inner"]["description"] == "Of the field, not of the class."


def test_without_defaults_the_description_is_the_text_alone() -> None:
    plain = schema.structural(Outer, say_defaults=False)["properties"]
    assert plain["on"]["description"] == "Whether."


class Union(BaseModel):
    value: int | str


class Above(BaseModel):
    value: Annotated[int, Field(gt=0)]


@pytest.mark.parametrize("model", [Union, Above])
def test_what_no_server_takes_is_refused(model: type[BaseModel]) -> None:
    with pytest.raises(schema.NotStructural):
        schema.structural(model, say_defaults=True)


class Endless(base.SpecModel):
    """Without any bound."""

    text: str = ""
    texts: tuple[Annotated[str, Field(max_length=3)], ...] = ()
    words: Mapping[str, Annotated[str, Field(max_length=3)]] = Field(default_factory=dict)


def test_what_has_no_bound_is_found() -> None:
    found = schema.unbounded(schema.structural(Endless, say_defaults=True), "spec")
    assert list(found) == ["spec.text", "spec.texts", "spec.words"]


def test_what_may_be_a_number_or_a_text_is_a_text_as_well() -> None:
    either: dict[str, Any] = {"x-kubernetes-int-or-string": True}
    assert list(schema.unbounded({"properties": {"share": either}}, "spec")) == ["spec.share"]
    assert list(schema.unbounded({"properties": {"share": {**either, "maxLength": 4}}}, "spec")) == []
