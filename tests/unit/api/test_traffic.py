"""`spec.traffic` names at most one router and carries its configuration."""

from typing import Any

import pytest

from tests.unit.api.bodies import error_of, parsed


@pytest.mark.parametrize(
    ("raw", "router", "config"),
    [
        pytest.param({}, "replicas", {}, id="the default"),
        pytest.param({"replicas": {}}, "replicas", {}, id="replicas without configuration"),
        pytest.param(
            {"replicas": {"whenTooFew": "Hold"}}, "replicas", {"whenTooFew": "Hold"}, id="replicas with it"
        ),
        pytest.param({"plugin": {"name": "mesh"}}, "mesh", {}, id="a plugin without configuration"),
        pytest.param(
            {"plugin": {"name": "mesh", "config": {"a": {"b": [1]}}}},
            "mesh",
            {"a": {"b": [1]}},
            id="a plugin with configuration of any shape",
        ),
    ],
)
def test_traffic_names_one_router_and_its_configuration(raw: Any, router: str, config: Any) -> None:
    result = parsed({"traffic": raw}).spec.traffic
    assert (result.router, result.config) == (router, config)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        pytest.param(
            {"replicas": {}, "plugin": {"name": "mesh"}},
            "spec.traffic: set at most one of replicas and plugin",
            id="two routers",
        ),
        pytest.param({"plugin": {}}, "spec.traffic.plugin.name: is required", id="no name"),
        pytest.param({"plugin": {"name": "My Mesh"}}, "spec.traffic.plugin.name", id="not a DNS label"),
        pytest.param(
            {"plugin": {"name": "mesh", "config": "x"}}, "spec.traffic.plugin.config", id="not an object"
        ),
    ],
)
def test_other_traffic_is_rejected(raw: Any, message: str) -> None:
    assert message in error_of({"traffic": raw})
