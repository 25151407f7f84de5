"""Every value has a description, and other values are rejected."""

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


def test_every_value_has_a_description() -> None:
    lines = (CHART / "values.yaml").read_text().splitlines()
    unexplained = [
        line
        for before, line in zip(["", *lines], lines, strict=False)
        if re.match(r"^ *[A-Za-z]+: \S", line) and not before.lstrip().startswith("#")
    ]
    assert unexplained == []


def closed_objects(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object with properties in the schema, with its path."""
    if "properties" in schema:
        yield path, schema
        for name, part in schema["properties"].items():
            yield from closed_objects(part, f"{path}.{name}")
    if "items" in schema:
        yield from closed_objects(schema["items"], f"{path}[]")


def test_the_schema_rejects_unknown_values_at_every_level() -> None:
    result = dict(closed_objects(SCHEMA))
    assert len(result) > 10
    assert [path for path, schema in result.items() if schema["additionalProperties"] is not False] == []


def paths(values: Any, schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Yield the paths at which values and schema have different names."""
    if "properties" not in schema or not isinstance(values, dict):
        return
    for name in set(values) ^ (set(schema["properties"]) - {"global", "claims"}):
        yield f"{path}.{name}"
    for name in set(values) & set(schema["properties"]):
        yield from paths(values[name], schema["properties"][name], f"{path}.{name}")


def test_values_and_schema_have_the_same_names() -> None:
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
    result = VALUES
    for name in place:
        result = result[name]
    assert set(result) == {field.alias for field in model.model_fields.values()}


def test_the_default_settings_are_those_of_the_operator() -> None:
    assert settings.Settings.model_validate(VALUES["settings"]) == settings.Settings()


def test_names_and_quantities_have_the_patterns_of_the_api() -> None:
    result = SCHEMA["properties"]["settings"]["properties"]
    for name in ("pushSecretName", "pullSecretName", "caConfigMapName"):
        assert result["registry"]["properties"][name]["pattern"] == fields.OPTIONAL_NAME
    for part in result["buildResources"]["properties"].values():
        amount = part["additionalProperties"]
        assert amount["pattern"] == quantities.NOT_NEGATIVE_PATTERN
        assert (amount["minimum"], amount["maxLength"]) == (0, quantities.MAX_LENGTH)


@helm_is_compiled_once
@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"operator": {"burst": 1_000_000}}, id="a burst beyond the maximum"),
        pytest.param({"settings": {"buildResources": {"requests": {"cpu": -1}}}}, id="a negative quantity"),
        pytest.param({"settings": {"buildResources": {"limits": {"memory": "lots"}}}}, id="not a quantity"),
        pytest.param({"settings": {"registry": {"pushSecretName": "a..b"}}}, id="an invalid name"),
        pytest.param({"replica": 3}, id="an unknown value"),
        pytest.param({"settings": {"runtime": {}}}, id="an unknown setting"),
        pytest.param({"settings": {"registry": {"secret": "x"}}}, id="an unknown part of a setting"),
        pytest.param({"watchNamespaces": "shop"}, id="a string for a list"),
        pytest.param({"watchNamespaces": ["a,b"]}, id="two namespaces in one"),
        pytest.param({"rbac": {"secrets": False}}, id="the content of Secrets without a right to it"),
        pytest.param({"replicas": "two"}, id="a string for a number"),
        pytest.param({"image": {"digest": "latest"}}, id="an invalid digest"),
        pytest.param(
            {"settings": {"registry": {"repository": "https://x/y"}}}, id="a repository with a scheme"
        ),
        pytest.param({"ports": {"metrics": 80}}, id="a privileged port"),
        pytest.param({"imagePullSecrets": ["pull"]}, id="a string for an object"),
    ],
)
def test_helm_rejects_other_values(values: dict[str, Any]) -> None:
    done = chart_rendering.template(values)
    assert done.returncode != 0
    assert "values don't meet the specifications of the schema" in done.stderr


@helm_is_compiled_once
def test_global_values_of_a_parent_chart_are_accepted() -> None:
    assert chart_rendering.template({"global": {"region": "north"}}).returncode == 0


@helm_is_compiled_once
def test_an_older_version_of_kubernetes_is_rejected() -> None:
    done = chart_rendering.template(kubernetes="1.29.9")
    assert "kubeVersion: >=1.30.0-0" in done.stderr
    assert chart_rendering.template(kubernetes="1.30.0").returncode == 0
