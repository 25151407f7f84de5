"""Generated schemas are structural; models that a CRD cannot express are errors."""

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


OUTER = schema.structural(Outer, with_defaults=True)["properties"]


def everywhere(part: Any) -> list[dict[str, Any]]:
    """Return every schema in a schema."""
    schemas = [part]
    for child in (*part.get("properties", {}).values(), part.get("items"), part.get("additionalProperties")):
        schemas += everywhere(child) if isinstance(child, dict) else []
    return schemas


@pytest.mark.parametrize("kind", crd.KINDS, ids=lambda kind: kind.kind)
class TestKinds:
    def test_the_schema_is_structural(self, kind: crd.Kind) -> None:
        for part in everywhere(crd.object_schema(kind)):
            assert not FORBIDDEN & part.keys()
            assert "type" in part or part.get("x-kubernetes-int-or-string")

    def test_the_only_default_that_is_stored_is_the_one_that_scale_shows(self, kind: crd.Kind) -> None:
        spec = crd.object_schema(kind)["properties"]["spec"]
        stored = [part["default"] for part in everywhere(spec) if "default" in part]
        assert stored == ([{}, 1] if kind is crd.MODEL_DEPLOYMENT else [])

    def test_every_field_is_described(self, kind: crd.Kind) -> None:
        fields = crd.object_schema(kind)["properties"]
        for part in (*everywhere(fields["spec"]), *everywhere(fields["status"])):
            for name, field in part.get("properties", {}).items():
                assert field.get("description", "").endswith("."), name

    def test_every_optional_field_describes_its_default(self, kind: crd.Kind) -> None:
        for part in everywhere(crd.object_schema(kind)["properties"]["spec"]):
            for name, field in part.get("properties", {}).items():
                silent = "properties" not in field and "Default" not in field["description"]
                assert not silent or name in part["required"], name

    def test_no_field_of_the_status_describes_a_default(self, kind: crd.Kind) -> None:
        for part in everywhere(crd.object_schema(kind)["properties"]["status"]):
            assert "Default:" not in part.get("description", "")

    def test_every_field_has_an_upper_bound(self, kind: crd.Kind) -> None:
        fields = crd.object_schema(kind)["properties"]
        assert list(schema.unbounded(fields["spec"])) == []
        assert list(schema.unbounded(fields["status"])) == []

    def test_every_rule_has_a_message_of_one_line(self, kind: crd.Kind) -> None:
        for part in everywhere(crd.object_schema(kind)):
            for rule in part.get("x-kubernetes-validations", ()):
                assert 0 < len(rule["message"]) <= 2048
                assert "\n" not in rule["message"]


def test_a_reference_is_inlined_and_the_description_of_the_field_wins() -> None:
    assert OUTER["inner"]["description"] == "Of the field, not of the class."
    assert OUTER["inner"]["properties"]["name"]["maxLength"] == 5


def test_an_optional_field_has_its_plain_type() -> None:
    assert OUTER["colour"] == {
        "description": "What it looks like. Default: none.",
        "enum": ["Red"],
        "type": "string",
    }


def test_a_description_ends_with_the_default() -> None:
    assert OUTER["wait"]["description"] == "How long, over two lines. Default: 30m."
    assert OUTER["on"]["description"] == "Whether. Default: false."
    assert OUTER["many"]["description"] == "Some. Default: none."
    assert OUTER["inner"]["description"] == "Of the field, not of the class."


def test_a_description_may_omit_the_default() -> None:
    plain = schema.structural(Outer, with_defaults=False)["properties"]
    assert plain["on"]["description"] == "Whether."


class Union(BaseModel):
    value: int | str


class Above(BaseModel):
    value: Annotated[int, Field(gt=0)]


@pytest.mark.parametrize("model", [Union, Above])
def test_a_model_that_a_crd_cannot_express_is_an_error(model: type[BaseModel]) -> None:
    with pytest.raises(schema.NotStructural):
        schema.structural(model, with_defaults=True)


class Unbounded(base.SpecModel):
    """Fields without an upper bound."""

    text: str = ""
    texts: tuple[Annotated[str, Field(max_length=3)], ...] = ()
    words: Mapping[str, Annotated[str, Field(max_length=3)]] = Field(default_factory=dict)


def test_fields_without_an_upper_bound_are_found() -> None:
    found = schema.unbounded(schema.structural(Unbounded, with_defaults=True), "spec")
    assert list(found) == ["spec.text", "spec.texts", "spec.words"]


def test_an_integer_or_string_needs_a_maximum_length() -> None:
    either: dict[str, Any] = {"x-kubernetes-int-or-string": True}
    assert list(schema.unbounded({"properties": {"share": either}}, "spec")) == ["spec.share"]
    assert list(schema.unbounded({"properties": {"share": {**either, "maxLength": 4}}}, "spec")) == []
