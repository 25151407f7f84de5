"""Seatrial for the demo in an existing cluster: what is created there, and how it is removed.

Created are: the CRDs if they are missing or older, an operator in `seatrial-system` unless the cluster has one that
fits, and the namespace `seatrial-demo`, the only one that this operator watches. Nothing else is changed.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from tests.cluster import images, progress
from tests.cluster.errors import LabError
from tests.stage import crowd, existing, login, pods, preconditions, registry_location
from tests.stage.existing import CRDS, OURS, Operator
from tests.stage.given import GivenCluster
from tests.stage.install import AUTHORITY, ROOT, SYSTEM, document
from tests.stage.registry_location import RegistryLocation

NAMESPACE: Final = "seatrial-demo"
RELEASE: Final = "seatrial"
LARGEST_MODEL: Final = 1_000_000
"""Bytes: the limit of a ConfigMap is 1 MiB. Every cluster has ConfigMaps, and they need no credentials."""
PULL_SECONDS: Final = 600.0
_CHECK: Final = "check"
_LABELS: Final = {OURS: "true"}

IN_DEMO: Final = (
    ("create", "namespaces", ""),
    ("create", "configmaps", NAMESPACE),
    ("create", "secrets", NAMESPACE),
    ("create", "pods", NAMESPACE),
    ("create", "pods/exec", NAMESPACE),
    ("get", "pods/log", NAMESPACE),
    ("create", "modeldeployments.seatrial.dev", NAMESPACE),
)
TO_INSTALL: Final = (
    ("patch", "customresourcedefinitions.apiextensions.k8s.io", ""),
    ("create", "clusterroles.rbac.authorization.k8s.io", ""),
    ("create", "clusterrolebindings.rbac.authorization.k8s.io", ""),
    ("create", "deployments.apps", SYSTEM),
    ("create", "secrets", SYSTEM),
)


@dataclass(frozen=True, slots=True)
class Guest:
    """The demo's namespace in an existing cluster, with an operator that watches it."""

    cluster: GivenCluster
    location: RegistryLocation
    runtime_image: str
    namespace: str = NAMESPACE
    build: dict[str, Any] = field(default_factory=dict)
    """`spec.build`: the registry of the demo's images, which overrides the operator's settings."""

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl in the demo's namespace, and return its output."""
        return self.cluster.kubectl("-n", self.namespace, *arguments, stdin=stdin)

    def apply(self, name: str, spec: dict[str, Any]) -> None:
        """Apply a ModelDeployment with this spec."""
        metadata = {"name": name, "namespace": self.namespace}
        body = {"apiVersion": "seatrial.dev/v1alpha1", "kind": "ModelDeployment", "metadata": metadata}
        self.cluster.apply({**body, "spec": spec})

    def put_model(self, path: str, data: bytes) -> dict[str, Any]:
        """Store the file in a ConfigMap, and return the `spec.model` that fetches it."""
        if len(data) > LARGEST_MODEL:
            raise LabError(f"{path} has {len(data)} bytes; a ConfigMap holds at most {LARGEST_MODEL}")
        folder, _, file = path.rpartition("/")
        name = folder.replace("/", "-")
        content = {file: base64.b64encode(data).decode()}
        self.cluster.apply(document("ConfigMap", name, namespace=self.namespace, binaryData=content))
        return {"uri": f"configmap://{name}/{file}"}

    def users(self, name: str, body: bytes, *, rate: float) -> crowd.Crowd:
        """Return clients in a pod that send requests to the Service of this name."""
        path = "{.spec.clusterIP} {.spec.ports[0].port}"
        host, port = self.kubectl("get", "service", name, "-o", f"jsonpath={path}").split()
        return crowd.Crowd(
            cluster=self.cluster,
            namespace=self.namespace,
            image=self.runtime_image,
            with_login=self.location.login is not None,
            address=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            body=body,
            rate=rate,
            patience=PULL_SECONDS,
        )


def prepare(cluster: GivenCluster, location: RegistryLocation) -> Guest:
    """Check the cluster, install what is missing, and return the demo's namespace. Raises LabError."""
    preconditions.check_context(cluster)
    preconditions.check_version(cluster)
    operators = existing.operators(cluster)
    operator = existing.usable(operators, namespace=NAMESPACE, plain_http=location.plain_http)
    _check_namespaces(cluster, installing=operator is None)
    preconditions.check_permissions(cluster, (*IN_DEMO, *(() if operator else TO_INSTALL)))
    runtime = images.runtime_image("sklearn")
    _check_nodes(cluster, registry_location.architecture_of(runtime))
    _announce(cluster, location, operator)
    pulled = {"runtime-sklearn": registry_location.push(runtime, "runtime-sklearn", location)}
    if operator is None:
        pulled["operator"] = registry_location.push(images.operator_image(), "operator", location)
    remove(cluster, with_crds=False)
    guest = Guest(cluster, location, pulled["runtime-sklearn"], build={"registry": registry_spec(location)})
    cluster.apply(*namespace_with_login(NAMESPACE, location, restricted=True))
    _pull(guest, list(pulled.values()))
    if operator is None:
        _install(cluster, location, pulled, beside_others=bool(operators))
    return guest


def remove(cluster: GivenCluster, *, with_crds: bool) -> list[str]:
    """Remove everything that the demo created, and return its names."""
    removed = []
    if existing.is_ours(cluster, NAMESPACE):
        cluster.kubectl("delete", "namespace", NAMESPACE, "--timeout=180s")
        removed.append(f"namespace {NAMESPACE}")
    if existing.is_ours(cluster, SYSTEM):
        if RELEASE in cluster.helm("list", "--all", "--short", "--namespace", SYSTEM).split():
            cluster.helm("uninstall", RELEASE, "--namespace", SYSTEM, "--wait", "--timeout", "120s")
        cluster.kubectl("delete", "namespace", SYSTEM, "--timeout=180s")
        removed.append(f"namespace {SYSTEM} with the operator")
    if with_crds:
        removed += _remove_crds(cluster)
    return removed


def _remove_crds(cluster: GivenCluster) -> list[str]:
    """Remove the demo's CRDs unless they are in use: deleting a CRD deletes all of its objects."""
    own_crds = [
        crd for crd in CRDS if OURS in (cluster.read("crd", crd).get("metadata", {}).get("labels") or {})
    ]
    if not own_crds:
        return []
    objects = [one for crd in own_crds for one in cluster.read(crd, "-A").get("items", [])]
    if objects or existing.operators(cluster):
        return []
    cluster.kubectl("delete", "crd", *own_crds, "--timeout=60s")
    return [f"CRD {crd}" for crd in own_crds]


def _announce(cluster: GivenCluster, location: RegistryLocation, operator: Operator | None) -> None:
    """Print what will be created, before anything is."""
    progress.say(f"creating the namespace {NAMESPACE} in the cluster of context '{cluster.context}'")
    if operator is None:
        progress.say(f"creating the CRDs {', '.join(CRDS)} and an operator in the namespace {SYSTEM}")
    else:
        progress.say(f"using the Seatrial operator in the namespace {operator.namespace}")
    if location.login:
        progress.say(f"copying your login for {location.hosts[0]} into a Secret there")


def _check_namespaces(cluster: GivenCluster, *, installing: bool) -> None:
    for namespace in (NAMESPACE, *((SYSTEM,) if installing else ())):
        if existing.is_ours(cluster, namespace) is False:
            raise LabError(
                f"the namespace {namespace} exists and was not created by the demo; rename or delete it"
            )


def _check_nodes(cluster: GivenCluster, architecture: str) -> None:
    if cluster.may("list", "nodes"):
        preconditions.check_nodes(cluster.read("nodes"), architecture)


def registry_spec(location: RegistryLocation) -> dict[str, Any]:
    secrets = {"pushSecretName": pods.LOGIN, "pullSecretName": pods.LOGIN} if location.login else {}
    authority = {"caConfigMapName": AUTHORITY} if location.ca_file else {}
    return {"repository": location.pulled("models"), **secrets, **authority}


def namespace_with_login(name: str, location: RegistryLocation, *, restricted: bool) -> list[dict[str, Any]]:
    strict = {"pod-security.kubernetes.io/enforce": "restricted"} if restricted else {}
    objects = [document("Namespace", name, labels={**_LABELS, **strict})]
    if location.login:
        content = {".dockerconfigjson": login.secret_of(location.login, location.hosts)}
        kind = "kubernetes.io/dockerconfigjson"
        objects.append(document("Secret", pods.LOGIN, namespace=name, type=kind, stringData=content))
    if location.ca_file:
        objects.append(
            document("ConfigMap", AUTHORITY, namespace=name, data={"ca.crt": location.ca_file.read_text()})
        )
    return objects


def _pull(guest: Guest, references: list[str]) -> None:
    """Start every image once, so that errors show now and later steps do not wait for a pull."""
    containers = [
        pods.container(f"image-{number}", reference, ["/opt/venv/bin/python", "-c", "pass"])
        for number, reference in enumerate(references)
    ]
    with_login = guest.location.login is not None
    check = pods.pod(
        NAMESPACE, _CHECK, with_login=with_login, initContainers=containers[:-1], containers=containers[-1:]
    )
    with progress.step("pulling the images on a node"):
        guest.cluster.apply(check)
        pods.until(guest.cluster, NAMESPACE, _CHECK, phase="Succeeded", seconds=PULL_SECONDS)
    guest.kubectl("delete", "pod", _CHECK, "--timeout=60s")


def _install(
    cluster: GivenCluster, location: RegistryLocation, pulled: dict[str, str], *, beside_others: bool
) -> None:
    with progress.step("installing the chart"):
        crds(cluster)
        cluster.apply(*namespace_with_login(SYSTEM, location, restricted=False))
        chart = ("upgrade", "--install", RELEASE, str(ROOT / "charts/seatrial"), "--namespace", SYSTEM)
        how = ("--skip-crds", "--wait", "--timeout", "180s", "--values", "-")
        chart_values = values(location, pulled, beside_others=beside_others)
        cluster.helm(*chart, *how, stdin=yaml.safe_dump(chart_values))


def values(location: RegistryLocation, pulled: dict[str, str], *, beside_others: bool) -> dict[str, Any]:
    repository, _, digest = pulled["operator"].partition("@")
    return {
        "watchNamespaces": [NAMESPACE],
        "image": {"repository": repository, "digest": digest},
        "imagePullSecrets": [{"name": pods.LOGIN}] if location.login else [],
        "settings": {"runtimes": {"sklearn": pulled["runtime-sklearn"]}, "plainHttp": location.plain_http},
        # these exist once per cluster, and belong to the other release
        "roles": {"create": not beside_others},
        "decisionPolicy": {"create": not beside_others},
        "shareWarning": {"create": not beside_others},
    }


def crds(cluster: GivenCluster) -> None:
    """Install the CRDs; one that the demo did not create is updated only if it is older."""
    for name in CRDS:
        current = cluster.read("crd", name)
        ours = not current or OURS in (current["metadata"].get("labels") or {})
        difference = existing.age(current) if current else 0
        if difference > 0 or (difference == 0 and not ours):
            progress.say(f"keeping the existing CRD {name}")
            continue
        if current and not ours:
            progress.say(f"updating the CRD {name}, which is older than this checkout")
        plural, _, group = name.partition(".")
        body = yaml.safe_load((ROOT / "crds" / f"{group}_{plural}.yaml").read_text())
        body["metadata"]["labels"] = _LABELS if ours else {}
        cluster.apply(body)
        cluster.kubectl("wait", "--for=condition=Established", f"crd/{name}", "--timeout=30s")
