"""A release of the chart in a cluster, an operator process with the chart's RBAC rights, and ModelDeployments."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from seatrial.api import names
from tests.cluster import ports
from tests.cluster.errors import LabError
from tests.cluster.fixtures import Cluster
from tests.unit.chart import chart_rendering
from tests.unit.chart.chart_rendering import CHART, Body

ROOT = CHART.parents[1]
PATIENCE = 120.0
RUN = uuid.uuid4().hex[:6]
IMAGE = "registry.example/churn@sha256:"
CRDS = ("modeldeployments.seatrial.dev", "rolloutdecisions.seatrial.dev")


def until(found: Callable[[], Any], what: str, *, patience: float = PATIENCE) -> Any:
    """Return the first true result; fail after `patience` seconds."""
    deadline = time.monotonic() + patience
    while not (answer := found()):
        assert time.monotonic() < deadline, f"waited {patience:.0f} s for {what}"
        time.sleep(0.1)
    return answer


@dataclass(frozen=True)
class Release:
    """The chart in a cluster, with a release namespace and a namespace for models that are unique to this run."""

    cluster: Cluster
    namespace: str
    models: str
    scope: str

    @property
    def account(self) -> str:
        """Return the user name of the operator's ServiceAccount."""
        return f"system:serviceaccount:{self.namespace}:seatrial"

    def objects(self) -> str:
        """Return the objects that Helm renders, without the test pod, as YAML."""
        values = {
            "watchNamespaces": [self.models] if self.scope == "namespaced" else [],
            "settings": {
                "runtimes": {"sklearn": "registry.example/runtime@sha256:" + "1" * 64},
                "registry": {"repository": "registry.example/models"},
            },
        }
        bodies = chart_rendering.rendered(values, namespace=self.namespace)
        return yaml.safe_dump_all([body for body in bodies if body["kind"] != "Pod"])

    def settings(self) -> str:
        """Return the operator's settings from its ConfigMap."""
        text = self.cluster.kubectl(
            "get", "configmap", "seatrial-settings", "-n", self.namespace, "-o", "json"
        )
        return str(json.loads(text)["data"]["settings.yaml"])

    def kubeconfig(self, folder: Path) -> Path:
        """Write a kubeconfig that has only the rights of the operator's ServiceAccount."""
        config = json.loads(self.cluster.kubectl("config", "view", "--raw", "-o", "json"))
        token = self.cluster.kubectl("create", "token", "seatrial", "-n", self.namespace).strip()
        config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
        file = folder / "operator.kubeconfig"
        file.write_text(json.dumps(config))
        return file

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl in the namespace of the models and return its output."""
        return self.cluster.kubectl("-n", self.models, *arguments, stdin=stdin)

    def install(self) -> None:
        """Apply everything that Helm renders."""
        self.cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=self.objects())

    def may(self, user: str, verb: str, resource: str) -> bool:
        """Return whether RBAC allows a user this verb on `plural.group/subresource` in the namespace of the models."""
        return self._may(user, verb, resource, self.models)

    def may_everywhere(self, user: str, verb: str, resource: str) -> bool:
        """Return whether RBAC allows a user this verb cluster-wide."""
        return self._may(user, verb, resource, "")

    def _may(self, user: str, verb: str, resource: str, namespace: str) -> bool:
        where, _, subresource = resource.partition("/")
        plural, _, group = where.partition(".")
        attributes = {"namespace": namespace, "verb": verb, "group": group, "resource": plural}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": user, "resourceAttributes": {**attributes, "subresource": subresource}},
        }
        answer = self.cluster.kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(review))
        return bool(json.loads(answer)["status"]["allowed"])

    def is_served(self) -> bool:
        """Return whether the server's watch caches of the CRDs are ready; each change of a CRD rebuilds them."""
        try:
            for crd in CRDS:
                plural = crd.partition(".")[0]
                self.cluster.kubectl("get", "--raw", f"/apis/{names.API_VERSION}/{plural}?resourceVersion=0")
        except LabError:
            return False
        return True

    def apply(self, name: str, spec: Body) -> None:
        """Apply a ModelDeployment."""
        self.cluster.apply(json.dumps(model(self.models, name, spec)))

    def status(self, name: str) -> Body:
        """Return the status of a ModelDeployment if it observed the current generation, else nothing."""
        body = json.loads(self.kubectl("get", "mdep", name, "-o", "json"))
        status: Body = body.get("status") or {}
        return status if status.get("observedGeneration") == body["metadata"]["generation"] else {}

    def is_healthy(self, name: str) -> bool:
        """Return whether the ModelDeployment is healthy at its current generation."""
        return self.status(name).get("phase") == "Healthy"

    def names(self, kind: str) -> list[str]:
        """Return the names of the objects of one kind in the namespace of the models."""
        return [line.partition("/")[2] for line in self.kubectl("get", kind, "-o", "name").split()]

    def answers(self) -> list[str]:
        """Return the phase of each decision; empty for one without a status."""
        found = json.loads(self.kubectl("get", "rdec", "-o", "json"))["items"]
        return [str((body.get("status") or {}).get("phase") or "") for body in found]

    def event_reasons(self) -> set[str]:
        """Return the reasons of all Events in the namespace of the models."""
        return {event["reason"] for event in json.loads(self.kubectl("get", "events", "-o", "json"))["items"]}

    def leader(self) -> str:
        """Return the holder of the lease; empty when it is free."""
        text = self.cluster.kubectl("get", "lease", "seatrial", "-n", self.namespace, "-o", "json")
        return str(json.loads(text)["spec"].get("holderIdentity") or "")


def model(namespace: str, name: str, spec: Body) -> Body:
    """Return a ModelDeployment."""
    return {
        "apiVersion": "seatrial.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def folder(parent: Path, name: str) -> Path:
    """Create a folder."""
    (parent / name).mkdir()
    return parent / name


def decision(release: Release, *, by: str, revision: str, action: Mapping[str, Any]) -> str:
    """Return a RolloutDecision about `churn` as JSON."""
    return json.dumps(
        {
            "apiVersion": "seatrial.dev/v1alpha1",
            "kind": "RolloutDecision",
            "metadata": {"generateName": "churn-", "namespace": release.models},
            "spec": {"deployment": "churn", "revision": revision, "decidedBy": by, **action},
        }
    )


def refused(cluster: Cluster) -> dict[str, float]:
    """Return how often the API server has responded with 403, by verb and resource.

    POST requests are left out: controllers get 403 for them in every terminating namespace.
    """
    found: dict[str, float] = {}
    for line in cluster.kubectl("get", "--raw", "/metrics").splitlines():
        if line.startswith("apiserver_request_total{") and 'code="403"' in line:
            labels, _, count = line.rpartition(" ")
            request: dict[str, str] = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            if request["verb"] == "POST":
                continue
            what = f"{request['verb']} {request['group']}/{request['resource']}/{request['subresource']}"
            found[what] = found.get(what, 0.0) + float(count)
    return found


@contextmanager
def installed(cluster: Cluster, scope: str) -> Iterator[Release]:
    """Install the rendered chart and create two namespaces, until the end."""
    release = Release(cluster, f"system-{scope}-{RUN}", f"models-{scope}-{RUN}", scope)
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CHART / "crds"))
    for crd in CRDS:
        cluster.kubectl("wait", "--for=condition=Established", f"crd/{crd}")
    for namespace in (release.namespace, release.models):
        cluster.kubectl("create", "namespace", namespace)
    release.install()
    try:
        yield release
    finally:
        cluster.kubectl("delete", "--wait=false", "--ignore-not-found", "-f", "-", stdin=release.objects())
        cluster.kubectl("delete", "namespace", "--wait=false", release.namespace, release.models)


class Operator:
    """An operator process with the rights of the chart's ServiceAccount."""

    def __init__(self, release: Release, folder: Path) -> None:
        (self.port,) = ports.free(1)
        settings = folder / "settings.yaml"
        settings.write_text(release.settings())
        self.log_file = folder / "operator.log"
        arguments = [
            f"--kubeconfig={release.kubeconfig(folder)}",
            f"--settings={settings}",
            f"--lease-namespace={release.namespace}",
            "--lease-name=seatrial",
            f"--metrics-port={self.port}",
        ]
        if release.scope == "namespaced":
            arguments.append(f"--namespace={release.models}")
        with self.log_file.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "seatrial.main", *arguments],
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": "operator:."},
            )

    def log(self) -> str:
        """Return its log."""
        return self.log_file.read_text()

    def works(self) -> bool:
        """Return whether it leads and its caches are filled."""
        assert self.process.poll() is None, self.log()
        return '"message": "working"' in self.log()

    def answers(self) -> bool:
        """Return whether it serves its metrics, as a standby does too."""
        assert self.process.poll() is None, self.log()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as page:
                return bool(page.status == 200)
        except OSError:
            return False

    def stop(self) -> int:
        """Terminate it and return its exit code."""
        self.process.terminate()
        return self.process.wait(timeout=120)


@contextmanager
def operating(release: Release, folder: Path) -> Iterator[Operator]:
    """Run an operator until the end."""
    until(release.is_served, "kinds that can be watched")
    operator = Operator(release, folder)
    try:
        until(operator.works, "an operator that works")
        yield operator
    finally:
        if operator.process.poll() is None:
            operator.process.kill()
            operator.process.wait()


def serving(digit: str) -> Body:
    """Return a spec with one child of every kind except a Job; `digit` selects the image."""
    return {
        "model": {"image": IMAGE + digit * 64},
        "serving": {
            "envFrom": [{"configMapRef": {"name": "churn-settings"}}, {"secretRef": {"name": "churn-secret"}}]
        },
        "scaling": {"minReplicas": 2, "maxReplicas": 4, "metrics": [{"cpu": 70}]},
        "rollout": {"steps": [{"weight": 50, "hold": "1s"}], "scaleDownDelay": "1s", "historyLimit": 1},
    }
