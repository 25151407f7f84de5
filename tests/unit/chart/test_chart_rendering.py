"""The objects of the chart: restricted pods with options that the operator parses."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial import options
from seatrial.api.rollout import DEFAULT_STEPS
from seatrial.observer import DECISION_POLICY
from tests.unit.chart import chart_rendering
from tests.unit.chart.chart_rendering import CHART, EVERYTHING, Body, of_kind, one, rendered

pytestmark = pytest.mark.slow  # helm is compiled once

NAMESPACED = {"watchNamespaces": ["shop", "lab"]}
CONFIGURATIONS = [
    pytest.param({}, id="default values"),
    pytest.param(EVERYTHING, id="everything enabled"),
    pytest.param(NAMESPACED, id="two namespaces"),
    pytest.param(
        {"replicas": 1, "rbac": {"create": False}, "serviceAccount": {"create": False}},
        id="everything disabled",
    ),
]


@pytest.mark.parametrize("values", CONFIGURATIONS)
def test_helm_lint_passes(values: dict[str, Any]) -> None:
    done = chart_rendering.helm("lint", "--strict", str(CHART), values=values)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("values", CONFIGURATIONS)
def test_every_pod_is_restricted_and_has_a_read_only_root(values: dict[str, Any]) -> None:
    pods = list(chart_rendering.pods(rendered(values)))
    assert len(pods) == 2
    for pod in pods:
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        assert all(set(volume) & {"configMap", "emptyDir"} for volume in pod.get("volumes", []))
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert set(container["resources"]) == {"requests", "limits"}


def options_of(objects: list[Body], folder: Path) -> options.Options:
    """Return the options that the operator parses from its command line and its settings."""
    file = folder / "settings.yaml"
    file.write_text(one(objects, "ConfigMap")["data"]["settings.yaml"])
    arguments = chart_rendering.arguments_of(objects)
    settings = next(argument for argument in arguments if argument.startswith("--settings="))
    mount = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["volumeMounts"][0]
    assert settings == f"--settings={mount['mountPath']}/settings.yaml"
    return options.parse(
        [f"--settings={file}" if argument == settings else argument for argument in arguments]
    )


def test_the_operator_parses_its_command_line(tmp_path: Path) -> None:
    parsed = options_of(rendered({"operator": {"workers": 7, "logLevel": "debug"}}), tmp_path)
    assert parsed.namespaces == ()
    assert (parsed.lease_namespace, parsed.lease_name) == ("seatrial-system", "seatrial")
    assert (parsed.metrics_port, parsed.probe_port, parsed.workers) == (8080, 8081, 7)
    assert parsed.log_level == "debug"


def test_the_operator_reads_the_settings(tmp_path: Path) -> None:
    values = {key: value for key, value in EVERYTHING.items() if key != "grafanaDashboard"}
    parsed = options_of(rendered(values), tmp_path).settings
    assert parsed.registry.repository == "registry.example:5000/models"
    assert set(parsed.build_resources.requests) == {"cpu", "memory"}
    assert set(parsed.runtimes) == {"sklearn"}
    assert parsed.unverified_decisions


def test_the_command_line_has_the_namespaces_of_the_release(tmp_path: Path) -> None:
    assert options_of(rendered(NAMESPACED), tmp_path).namespaces == ("shop", "lab")


def test_only_changed_settings_restart_the_operator() -> None:
    def checksum(values: dict[str, Any]) -> str:
        template = one(rendered(values), "Deployment")["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/settings"])

    assert checksum({"settings": {"plainHttp": True}}) != checksum({})
    assert checksum({"podLabels": {"a": "b"}}) == checksum({})


def test_two_operators_run_on_different_nodes_and_are_drained_one_at_a_time() -> None:
    objects = rendered()
    deployment = one(objects, "Deployment")["spec"]
    assert deployment["replicas"] == 2
    assert (
        deployment["template"]["spec"]["topologySpreadConstraints"][0]["topologyKey"]
        == "kubernetes.io/hostname"
    )
    budget = one(objects, "PodDisruptionBudget")["spec"]
    assert budget["maxUnavailable"] == 1


@pytest.mark.parametrize("values", CONFIGURATIONS)
def test_selectors_match_the_operator_and_not_the_test_pod(values: dict[str, Any]) -> None:
    objects = rendered(values)
    deployment = one(objects, "Deployment")["spec"]
    labels = deployment["template"]["metadata"]["labels"].items()
    test = one(objects, "Pod")["metadata"]["labels"].items()
    selectors = [
        deployment["selector"]["matchLabels"],
        one(objects, "Service")["spec"]["selector"],
        one(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        one(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selector.items() <= labels
        assert not selector.items() <= test


def test_probes_and_services_refer_to_existing_ports() -> None:
    objects = rendered({"ports": {"metrics": 9090, "probes": 9091}})
    container = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"metrics": 9090, "probes": 9091}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/healthz", "port": "probes"}
    assert one(objects, "Service")["spec"]["ports"][0]["targetPort"] == "metrics"
    policy = one(objects, "NetworkPolicy")["spec"]
    assert {port["port"] for rule in policy["ingress"] for port in rule["ports"]} == set(ports)


def test_only_the_test_pod_and_the_configured_peers_can_read_metrics() -> None:
    policy = one(rendered(EVERYTHING), "NetworkPolicy")["spec"]
    metrics = policy["ingress"][1]
    assert len(metrics["from"]) == 2
    test = one(rendered(EVERYTHING), "Pod")["metadata"]["labels"]
    assert metrics["from"][0]["podSelector"]["matchLabels"].items() <= test.items()
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert one(rendered(), "NetworkPolicy")["spec"]["policyTypes"] == ["Ingress"]


def test_objects_of_other_operators_are_disabled_by_default() -> None:
    assert of_kind(rendered(), "ServiceMonitor") == of_kind(rendered(), "PrometheusRule") == []
    assert len(of_kind(rendered(), "ConfigMap")) == 1
    objects = rendered(EVERYTHING)
    monitor = one(objects, "ServiceMonitor")["spec"]
    assert monitor["endpoints"][0]["port"] == one(objects, "Service")["spec"]["ports"][0]["name"]
    assert monitor["selector"]["matchLabels"].items() <= one(objects, "Service")["metadata"]["labels"].items()
    assert {body["metadata"]["name"] for body in of_kind(objects, "ConfigMap")} == {
        "seatrial-dashboard",
        "seatrial-settings",
    }


def _named(kind: str, name: str) -> Body:
    (found,) = [body for body in of_kind(rendered(), kind) if body["metadata"]["name"] == name]
    return found


def test_the_share_warning_warns_only_and_assumes_the_default_of_the_crd() -> None:
    policy = _named("ValidatingAdmissionPolicy", "seatrial-share-warning")["spec"]
    binding = _named("ValidatingAdmissionPolicyBinding", "seatrial-share-warning")["spec"]
    assert (policy["failurePolicy"], binding["validationActions"]) == ("Ignore", ["Warn"])
    (weight,) = [variable for variable in policy["variables"] if variable["name"] == "weight"]
    assert weight["expression"].endswith(f" : {DEFAULT_STEPS[0].weight}")
    off = rendered({"shareWarning": {"create": False}})
    assert "seatrial-share-warning" not in {body["metadata"]["name"] for body in off}


def test_the_decision_policy_has_the_expected_name_and_fails_closed() -> None:
    policy = _named("ValidatingAdmissionPolicy", DECISION_POLICY)
    binding = _named("ValidatingAdmissionPolicyBinding", DECISION_POLICY)
    assert policy["spec"]["failurePolicy"] == "Fail"
    assert binding["spec"] == {"policyName": DECISION_POLICY, "validationActions": ["Deny"]}


def test_the_fence_fails_closed_and_is_about_the_account_of_the_operator_alone() -> None:
    objects = rendered(
        {
            "decisionPolicy": {"create": False},
            "shareWarning": {"create": False},
            "serviceAccount": {"name": "pilot"},
        }
    )
    policy, binding = (
        one(objects, "ValidatingAdmissionPolicy"),
        one(objects, "ValidatingAdmissionPolicyBinding"),
    )
    assert binding["spec"] == {"policyName": policy["metadata"]["name"], "validationActions": ["Deny"]}
    assert policy["spec"]["failurePolicy"] == "Fail"
    (condition,) = policy["spec"]["matchConditions"]
    user = "system:serviceaccount:seatrial-system:pilot"
    assert condition["expression"] == f"request.userInfo.username == '{user}'"


PARENT = {
    "apiVersion": "v2",
    "name": "shop",
    "version": "1.0.0",
    "dependencies": [{"name": "seatrial", "version": "0.1.0", "condition": "seatrial.enabled"}],
}


@pytest.mark.parametrize("enabled", [True, False])
def test_a_chart_that_has_this_one_as_a_dependency_turns_it_on_and_off(tmp_path: Path, enabled: bool) -> None:
    (tmp_path / "Chart.yaml").write_text(yaml.safe_dump(PARENT))
    shutil.copytree(CHART, tmp_path / "charts" / "seatrial")
    values = {"global": {"region": "north"}, "seatrial": {"enabled": enabled}}
    done = chart_rendering.helm("template", "shop", str(tmp_path), "--include-crds", values=values)
    assert done.returncode == 0, done.stderr
    assert bool([body for body in yaml.safe_load_all(done.stdout) if body]) is enabled


def test_a_disabled_release_renders_nothing() -> None:
    assert rendered({"enabled": False, **EVERYTHING}) == []


def test_two_releases_have_no_object_in_common() -> None:
    shared = ("roles", "decisionPolicy", "shareWarning")
    second = {**NAMESPACED, **{name: {"create": False} for name in shared}}

    def names(objects: list[Body]) -> set[tuple[str, str, str]]:
        heads = [(body["kind"], body["metadata"]) for body in objects]
        return {(kind, head.get("namespace", ""), head["name"]) for kind, head in heads}

    assert not names(rendered(NAMESPACED)) & names(rendered(second, namespace="other"))
    one_way = names(rendered({}, release="seatrial", namespace="a-b"))
    assert not one_way & names(rendered(second, release="b-seatrial", namespace="a"))


def test_large_numbers_are_rendered_without_an_exponent(tmp_path: Path) -> None:
    parsed = options_of(rendered({"operator": {"burst": 100_000, "qps": 100_000}}), tmp_path)
    assert (parsed.burst, parsed.qps) == (100_000, 100_000.0)


def test_labels_are_always_strings() -> None:
    for body in rendered({"nameOverride": "true"}, release="123"):
        assert all(isinstance(value, str) for value in body["metadata"]["labels"].values())


def test_names_are_truncated_to_63_characters() -> None:
    objects = rendered(release="a-release-with-a-name-as-long-as-helm-lets-one-be-now")
    labels = [value for body in objects for value in body["metadata"]["labels"].values()]
    assert max(map(len, labels)) <= 63
    assert max(len(body["metadata"]["name"]) for body in objects if body["kind"] == "Service") <= 63


def test_the_chart_and_the_package_have_the_same_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = tomllib.loads((CHART.parents[1] / "pyproject.toml").read_text())["project"]
    assert chart["version"] == chart["appVersion"] == project["version"]
