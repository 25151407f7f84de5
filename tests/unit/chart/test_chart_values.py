"""Every value is explained, and nothing that is not a value is accepted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from seatrial.api import build, fields, quantities, settings
from tests.unit.chart import chart_rendering
from tests.unit.chart.chart_rendering import CHART

VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
helm_is_compiled_once = pytest.mark.slow


def test_every_value_has_a_comment_above_it() -> None:
    lines = (CHART / "values.yaml").read_text().splitlines()
    unexplained = [
        line
        for before, line in zip(["", *lines], lines, strict=False)
        if re.match(r"^ *[A-Za-z]+: \S", line) and not before.lstrip().startswith("#")
    ]
    assert unexplained == []


def closed_objects(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of the schema that names its properties, by path."""
    if "properties" in schema:
        yield path, schema
        for name, part in schema["properties"].items():
            yield from closed_objects(part, f"{path}.{name}")
    if "items" in schema:
        yield from closed_objects(schema["items"], f"{path}[]")


def test_the_schema_refuses_what_it_does_not_know_at_every_depth() -> None:
    found = dict(closed_objects(SCHEMA))
    assert len(found) > 10
    assert [path for path, schema in found.items() if schema["additionalProperties"] is not False] == []


def paths(values: Any, schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Where values and schema do not name the same things."""
    if "properties" not in schema or not isinstance(values, dict):
        return
    for name in set(values) ^ (set(schema["properties"]) - {"global", "claims"}):
        yield f"{path}.{name}"
    for name in set(values) & set(schema["properties"]):
        yield from paths(values[name], schema["properties"][name], f"{path}.{name}")


def test_values_and_schema_name_the_same_things() -> None:
    assert list(paths(VALUES, SCHEMA)) == []


@pytest.mark.parametrize(
    ("place", "model"),
    [
        pytest.param(("settings",), settings.Settings, id="settings"),
        pytest.param(("settings", "registry"), build.Registry, id="registry"),
        pytest.param(("settings", "buildResources"), build.Resources, id="resources of builds"),
    ],
)
def test_every_setting_of_the_operator_is_a_value(place: tuple[str, ...], model: type[Any]) -> None:
    found = VALUES
    for name in place:
        found = found[name]
    assert set(found) == {field.alias for field in model.model_fields.values()}


def test_the_defaults_are_those_of_the_operator() -> None:
    assert settings.Settings.model_validate(VALUES["settings"]) == settings.Settings()


def test_names_and_amounts_have_the_shapes_that_the_operator_asks_for() -> None:
    found = SCHEMA["properties"]["settings"]["properties"]
    for name in ("pushSecretName", "pullSecretName", "caConfigMapName"):
        assert found["registry"]["properties"][name]["pattern"] == fields.OPTIONAL_NAME
    for part in found["buildResources"]["properties"].values():
        amount = part["additionalProperties"]
        assert amount["pattern"] == quantities.NOT_NEGATIVE_PATTERN
        assert (amount["minimum"], amount["maxLength"]) == (0, quantities.MAX_LENGTH)


@helm_is_compiled_once
@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"operator": {"burst": 1_000_000}}, id="more at once than anybody needs"),
        pytest.param({"settings": {"buildResources": {"requests": {"cpu": -1}}}}, id="less than no cpu"),
        pytest.param({"settings": {"buildResources": {"limits": {"memory": "lots"}}}}, id="lots of memory"),
        pytest.param({"settings": {"registry": {"pushSecretName": "a..b"}}}, id="a name that is none"),
        pytest.param({"replica": 3}, id="a word that does not exist"),
        pytest.param({"settings": {"runtime": {}}}, id="a setting that does not exist"),
        pytest.param(
            {"settings": {"registry": {"secret": "x"}}}, id="a part of a setting that does not exist"
        ),
        pytest.param({"scope": "everything"}, id="a scope that does not exist"),
        pytest.param({"watchNamespace": "shop"}, id="one namespace, and all of them"),
        pytest.param({"replicas": "two"}, id="a number in words"),
        pytest.param({"image": {"digest": "latest"}}, id="a digest that is none"),
        pytest.param(
            {"settings": {"registry": {"repository": "https://x/y"}}}, id="a repository with a scheme"
        ),
        pytest.param({"ports": {"metrics": 80}}, id="a port that only root may open"),
        pytest.param({"imagePullSecrets": ["pull"]}, id="a secret that is no object"),
    ],
)
def test_helm_refuses(values: dict[str, Any]) -> None:
    done = chart_rendering.template(values)
    assert done.returncode != 0
    assert "values don't meet the specifications of the schema" in done.stderr


@helm_is_compiled_once
def test_a_chart_that_contains_this_one_may_pass_its_global_values() -> None:
    assert chart_rendering.template({"global": {"region": "north"}}).returncode == 0


@helm_is_compiled_once
def test_an_older_kubernetes_is_refused_with_the_range() -> None:
    done = chart_rendering.template(kubernetes="1.29.9")
    assert "kubeVersion: >=1.30.0-0" in done.stderr
    assert chart_rendering.template(kubernetes="1.30.0").returncode == 0
