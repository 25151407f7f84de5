"""Helm's rendering of the chart, as objects."""

from __future__ import annotations

import functools
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import binaries

CHART = Path(__file__).resolve().parents[3] / "charts" / "seatrial"
KUBERNETES = "1.34.0"
"""A helm that is built from source assumes Kubernetes 1.20 when it renders."""

Body = dict[str, Any]

EVERYTHING: Mapping[str, Any] = {
    "prometheusRule": {"create": True, "labels": {"release": "prometheus"}},
    "serviceMonitor": {"create": True, "labels": {"release": "prometheus"}},
    "grafanaDashboard": {"create": True},
    "networkPolicy": {
        "metricsFrom": [
            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
        ],
        "egress": [{"ports": [{"port": 443, "protocol": "TCP"}]}],
    },
    "imagePullSecrets": [{"name": "pull"}],
    "image": {"digest": "sha256:" + "0" * 64},
    "podLabels": {"team": "ml"},
    "podAnnotations": {"note": "for people"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "priorityClassName": "system-cluster-critical",
    "serviceAccount": {"annotations": {"iam": "nobody"}},
    "settings": {
        "runtimes": {"sklearn": "registry.example/runtime@sha256:" + "1" * 64},
        "registry": {"repository": "registry.example:5000/models", "pushSecretName": "push"},
        "buildResources": {"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
        "unverifiedDecisions": True,
    },
}
"""Values that enable everything."""


def helm(
    *arguments: str, values: Mapping[str, Any] | None = None, kubernetes: str = KUBERNETES
) -> subprocess.CompletedProcess[str]:
    """Run helm; the command may fail."""
    argv = [str(binaries.path_of("helm")), *arguments, "--kube-version", kubernetes, "-f", "-"]
    return subprocess.run(
        argv, input=json.dumps(values or {}), capture_output=True, text=True, check=False, timeout=60
    )


def template(
    values: Mapping[str, Any] | None = None,
    *,
    release: str = "seatrial",
    namespace: str = "seatrial-system",
    kubernetes: str = KUBERNETES,
) -> subprocess.CompletedProcess[str]:
    """Run `helm template`."""
    arguments = ("template", release, str(CHART), "-n", namespace)
    return helm(*arguments, values=values, kubernetes=kubernetes)


@functools.cache
def _rendered(values: str, release: str, namespace: str) -> str:
    done = template(json.loads(values), release=release, namespace=namespace)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rendered(
    values: Mapping[str, Any] | None = None, *, release: str = "seatrial", namespace: str = "seatrial-system"
) -> list[Body]:
    """Return every object of the release, including its test pod."""
    text = _rendered(json.dumps(values or {}, sort_keys=True), release, namespace)
    return [body for body in yaml.safe_load_all(text) if body]


def of_kind(objects: list[Body], kind: str) -> list[Body]:
    """Return the objects of one kind."""
    return [body for body in objects if body["kind"] == kind]


def one(objects: list[Body], kind: str) -> Body:
    """Return the only object of its kind."""
    matches = of_kind(objects, kind)
    assert len(matches) == 1, f"{len(matches)} objects of kind {kind}"
    return matches[0]


def pods(objects: list[Body]) -> Iterator[Body]:
    """Yield the spec of every pod of the release."""
    for body in objects:
        if body["kind"] == "Pod":
            yield body["spec"]
        elif body["kind"] == "Deployment":
            yield body["spec"]["template"]["spec"]


def arguments_of(objects: list[Body]) -> list[str]:
    """Return the command line of the operator."""
    container = one(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    return list(container["args"])


def granted(rules: list[Body]) -> set[tuple[str, str, str]]:
    """Return the rules as (group, resource, verb)."""
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
