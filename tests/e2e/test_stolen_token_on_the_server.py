"""What a thief of the operator's token would try is refused on a real API server, and what the operator does is not."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster import kubectl
from tests.cluster.errors import LabError
from tests.cluster.fixtures import Cluster
from tests.e2e import chart_releases
from tests.e2e.chart_releases import Release, until
from tests.e2e.forged_objects import (
    CHILDREN,
    OURS,
    OWNER,
    POD,
    autoscaler,
    budget,
    changed,
    container,
    deployment,
    job,
    mounted,
    pod,
    privileges,
    service,
)
from tests.unit.chart.chart_rendering import Body

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

FOREIGN = "foreign"


class Thief:
    """Somebody who has the operator's token, and nothing else."""

    def __init__(self, release: Release, folder: Path) -> None:
        self.release = release
        self.models = release.models
        self._kubeconfig = release.kubeconfig(folder)

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return kubectl.run(self._kubeconfig, *arguments, stdin=stdin)

    def error_of(self, *arguments: str, stdin: str | None = None) -> str:
        """Return why the API server refuses a command; empty when it would carry it out."""
        try:
            self.kubectl(*arguments, stdin=stdin)
        except LabError as error:
            return str(error)
        return ""

    def creates(self, body: Body) -> str:
        """Return why the object is refused, in the namespace of the models unless it names another."""
        body["metadata"].setdefault("namespace", self.models)
        return self.error_of("create", "--dry-run=server", "-f", "-", stdin=json.dumps(body))


@pytest.fixture(scope="module")
def thief(control_plane: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Thief]:
    """Give the thief the token of an operator of all namespaces, and put some foreign objects beside its models."""
    with chart_releases.installed(control_plane, "cluster") as release:
        release.kubectl("create", "configmap", FOREIGN, "--from-literal=a=1")
        release.kubectl("create", "deployment", FOREIGN, "--image=registry.example/app")
        release.kubectl("create", "service", "clusterip", FOREIGN, "--tcp=80")
        found = Thief(release, tmp_path_factory.mktemp("thief"))
        fenced = {"spec": {"template": {"spec": {"hostPID": True}}}}
        until(lambda: found.creates(changed(deployment(), fenced)), "a fence in force")
        yield found


@pytest.mark.parametrize("render", CHILDREN)
def test_what_the_operator_writes_is_accepted(thief: Thief, render: Callable[[], Body]) -> None:
    assert thief.creates(render()) == ""


@pytest.mark.parametrize("command", ["list", "watch"])
@pytest.mark.parametrize("where", ["all namespaces", "kube-system"])
def test_secrets_can_be_neither_listed_nor_watched(thief: Thief, command: str, where: str) -> None:
    path = "/api/v1/secrets" if where == "all namespaces" else f"/api/v1/namespaces/{where}/secrets"
    query = "?watch=true&timeoutSeconds=1" if command == "watch" else ""
    assert "secrets is forbidden" in thief.error_of("get", "--raw", f"{path}{query}")


@pytest.mark.parametrize("namespace", ["kube-system", "kube-public", "its own"])
@pytest.mark.parametrize("render", CHILDREN)
def test_nothing_is_created_in_system_namespaces(
    thief: Thief, render: Callable[[], Body], namespace: str
) -> None:
    where = thief.release.namespace if namespace == "its own" else namespace
    error = thief.creates(changed(render(), {"metadata": {"namespace": where}}))
    assert f"writes nothing in namespace {where}" in error


@pytest.mark.parametrize("render", CHILDREN)
def test_objects_without_our_labels_or_without_a_model_deployment_are_refused(
    thief: Thief, render: Callable[[], Body]
) -> None:
    patches: dict[str, Body] = {
        "no labels": {
            "labels": {**dict.fromkeys(OURS), "a": "b"}
        },  # without any, a Job gets those of its pods
        "no owner": {"ownerReferences": None},
        "another owner": {"ownerReferences": [{**OWNER, "name": "other"}]},
        "an owner of another kind": {"ownerReferences": [{**OWNER, "kind": "ConfigMap", "apiVersion": "v1"}]},
        "an owner that is no controller": {"ownerReferences": [{**OWNER, "controller": False}]},
        "managed by another": {"labels": {**OURS, "app.kubernetes.io/managed-by": "Helm"}},
    }
    for name, patch in patches.items():
        error = thief.creates(changed(render(), {"metadata": patch}))
        assert "writes only objects with its labels whose controller is" in error, name


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        pytest.param(pod(hostPID=True), "do not share the namespaces", id="the processes of the node"),
        pytest.param(pod(hostNetwork=True), "do not share the namespaces", id="the network of the node"),
        pytest.param(pod(hostIPC=True), "do not share the namespaces", id="the memory of the node"),
        pytest.param(mounted(hostPath={"path": "/"}), "mount nothing of their node", id="the node's files"),
        pytest.param(
            mounted(nfs={"server": "nfs.example", "path": "/"}), "mount nothing of their node", id="nfs"
        ),
        pytest.param(pod(automountServiceAccountToken=True), "get no token", id="a token"),
        pytest.param(pod(automountServiceAccountToken=None), "get no token", id="a token by default"),
        pytest.param(
            mounted(projected={"sources": [{"serviceAccountToken": {"path": "token"}}]}),
            "get no token",
            id="a projected token",
        ),
        pytest.param(pod(securityContext=None), "other than root", id="root by default"),
        pytest.param(pod(securityContext={"runAsUser": 0}), "other than root", id="root"),
        pytest.param(
            pod(securityContext={"seccompProfile": {"type": "Unconfined"}}),
            "other than root",
            id="no seccomp",
        ),
        pytest.param(privileges(privileged=True), "", id="a privileged container"),
        pytest.param(privileges(runAsUser=0), "have no privileges", id="root in a container"),
        pytest.param(
            privileges(capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]}),
            "have no privileges",
            id="a capability",
        ),
        pytest.param(privileges(capabilities=None), "have no privileges", id="the default capabilities"),
        pytest.param(container(securityContext=None), "have no privileges", id="no security context"),
        pytest.param(
            pod(initContainers=[{"name": "i", "image": "i"}]), "have no privileges", id="an init container"
        ),
        pytest.param(
            container(ports=[{"containerPort": 80, "hostPort": 80}]),
            "use no ports of their node",
            id="a port",
        ),
    ],
)
@pytest.mark.parametrize("render", [deployment, job])
def test_pods_that_are_not_restricted_are_refused(
    thief: Thief, render: Callable[[], Body], patch: Body, message: str
) -> None:
    error = thief.creates(changed(render(), patch))
    assert error
    assert message in error


@pytest.mark.parametrize(
    ("render", "spec", "message"),
    [
        (deployment, {"selector": {"matchLabels": {"app": "x"}}}, ""),
        (service, {"type": "LoadBalancer"}, "are of type ClusterIP"),
        (service, {"type": "ExternalName", "externalName": "example.com"}, "are of type ClusterIP"),
        (service, {"externalIPs": ["192.0.2.1"]}, "are of type ClusterIP"),
        (service, {"selector": {"seatrial.dev/server": None, "app": "x"}}, "select only server pods"),
        (autoscaler, {"scaleTargetRef": {"name": FOREIGN}}, "only the Deployment of the same name"),
        (
            budget,
            {"selector": {"matchLabels": {"seatrial.dev/server": None, "app": "x"}}},
            "only server pods",
        ),
        (budget, {"selector": {}}, ""),
    ],
)
def test_objects_that_reach_into_others_are_refused(
    thief: Thief, render: Callable[[], Body], spec: Body, message: str
) -> None:
    error = thief.creates(changed(render(), {"spec": spec}))
    if spec.get("selector") == {}:
        error = thief.creates(changed(budget(), {"spec": {"selector": None}}))
    assert error
    assert message in error


@pytest.mark.parametrize("kind", ["configmap", "service", "deployment"])
def test_foreign_objects_are_neither_changed_nor_deleted(thief: Thief, kind: str) -> None:
    own = {"metadata": {"labels": OURS, "ownerReferences": [OWNER]}}
    place = ("-n", thief.models, "--dry-run=server")
    for error in (
        thief.error_of("patch", kind, FOREIGN, *place, "--type=merge", "-p", json.dumps(own)),
        thief.error_of("delete", kind, FOREIGN, *place),
    ):
        assert "changes and deletes only objects that belong to a ModelDeployment" in error


def test_the_operators_own_settings_and_pods_are_out_of_reach(thief: Thief) -> None:
    where = ("-n", thief.release.namespace, "--dry-run=server", "--type=merge", "-p")
    for kind, name in (("configmap", "seatrial-settings"), ("deployment", "seatrial")):
        error = thief.error_of("patch", kind, name, *where, '{"metadata":{"labels":{"a":"b"}}}')
        assert "writes nothing in namespace" in error


def test_only_events_about_model_deployments_are_written(thief: Thief) -> None:
    about = {"kind": "ModelDeployment", "apiVersion": OWNER["apiVersion"], "name": "churn"}
    event = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"}, "reason": "R", "type": "Normal"}
    mine = {**about, "namespace": thief.models}
    assert thief.creates({**event, "metadata": {"name": "e"}, "involvedObject": mine}) == ""
    other = {**mine, "kind": "Pod", "apiVersion": "v1"}
    error = thief.creates({**event, "metadata": {"name": "e"}, "involvedObject": other})
    assert "only Events about ModelDeployments" in error


def test_a_right_that_somebody_grants_by_mistake_does_not_pass_the_fence(thief: Thief) -> None:
    """The fence holds when RBAC does not: here the operator is an administrator for a moment."""
    release = thief.release
    name = f"{release.namespace}-mistake"
    release.cluster.kubectl(
        "create",
        "clusterrolebinding",
        name,
        "--clusterrole=cluster-admin",
        f"--serviceaccount={release.namespace}:seatrial",
    )
    try:
        until(lambda: release.may(release.account, "create", "pods"), "the mistake")
        scale = ("scale", "deployment", FOREIGN, "-n", thief.models, "--replicas=0", "--dry-run=server")
        assert "scales only Deployments of ModelDeployments" in thief.error_of(*scale)
        bare = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": POD}
        assert "writes no pods" in thief.creates(copy.deepcopy(bare))
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}
        assert "writes no secrets" in thief.creates(secret)
        decision = {
            "apiVersion": OWNER["apiVersion"],
            "kind": "RolloutDecision",
            "metadata": {"name": "d"},
            "spec": {
                "deployment": "churn",
                "revision": "0123456789",
                "action": "Pause",
                "decidedBy": release.account,
            },
        }
        assert "makes and changes no RolloutDecisions" in thief.creates(decision)
        for namespace in (release.namespace, "kube-system"):
            lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}}
            lease["metadata"]["namespace"] = namespace  # type: ignore[index]
            assert "only its own Lease" in thief.creates(lease)
    finally:
        release.cluster.kubectl("delete", "clusterrolebinding", name)
