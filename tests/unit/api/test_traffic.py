"""`spec.traffic` names at most one router and carries its configuration."""

from typing import Any

import pytest

from tests.unit.api.bodies import parsed, refusal_of


@pytest.mark.parametrize(
    ("given", "router", "config"),
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
def test_traffic_names_one_router_and_its_configuration(given: Any, router: str, config: Any) -> None:
    found = parsed({"traffic": given}).spec.traffic
    assert (found.router, found.config) == (router, config)


@pytest.mark.parametrize(
    ("given", "sentence"),
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
def test_other_traffic_is_rejected(given: Any, sentence: str) -> None:
    assert sentence in refusal_of({"traffic": given})
