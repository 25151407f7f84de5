"""Seatrial as a guest in a cluster of the user's: what is put there for the demo, and how all of it goes again.

Made are: the CRDs where they are missing or older, an operator in `seatrial-system` unless one is there that fits,
and the namespace `seatrial-demo`, the only one that this operator looks after. Nothing else is touched.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from tests.cluster import images, progress
from tests.cluster.errors import LabError
from tests.stage import crowd, existing, login, place, pods, preconditions
from tests.stage.existing import CRDS, OURS, Operator
from tests.stage.given import GivenCluster
from tests.stage.install import AUTHORITY, ROOT, SYSTEM, document
from tests.stage.place import Place

NAMESPACE: Final = "seatrial-demo"
RELEASE: Final = "seatrial"
LARGEST_MODEL: Final = 1_000_000
"""Bytes: a ConfigMap takes 1 MiB. It is a source that every cluster has and that needs no login."""
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
    """The demo's namespace in a cluster of the user's, with an operator that looks after it."""

    cluster: GivenCluster
    place: Place
    runtime_image: str
    namespace: str = NAMESPACE
    build: dict[str, Any] = field(default_factory=dict)
    """`spec.build`: where this namespace's images go, whatever the operator's settings say."""

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl printed, in the demo's namespace."""
        return self.cluster.kubectl("-n", self.namespace, *arguments, stdin=stdin)

    def apply(self, name: str, spec: dict[str, Any]) -> None:
        """The ModelDeployment asks for this spec."""
        head = {"name": name, "namespace": self.namespace}
        body = {"apiVersion": "seatrial.dev/v1alpha1", "kind": "ModelDeployment", "metadata": head}
        self.cluster.apply({**body, "spec": spec})

    def put_model(self, path: str, data: bytes) -> dict[str, Any]:
        """The file is in a ConfigMap; the `spec.model` that fetches it."""
        if len(data) > LARGEST_MODEL:
            raise LabError(f"{path} has {len(data)} bytes, more than a ConfigMap takes")
        folder, _, file = path.rpartition("/")
        name = folder.replace("/", "-")
        held = {file: base64.b64encode(data).decode()}
        self.cluster.apply(document("ConfigMap", name, namespace=self.namespace, binaryData=held))
        return {"uri": f"configmap://{name}/{file}"}

    def users(self, name: str, body: bytes, *, rate: float) -> crowd.Crowd:
        """Users in a pod who will ask the Service of this name."""
        path = "{.spec.clusterIP} {.spec.ports[0].port}"
        host, port = self.kubectl("get", "service", name, "-o", f"jsonpath={path}").split()
        return crowd.Crowd(
            cluster=self.cluster,
            namespace=self.namespace,
            image=self.runtime_image,
            with_login=self.place.login is not None,
            address=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            body=body,
            rate=rate,
            patience=PULL_SECONDS,
        )


def prepared(cluster: GivenCluster, where: Place) -> Guest:
    """The stage in the cluster, once everything that may be missing was looked for. Raises LabError."""
    preconditions.context_known(cluster)
    preconditions.answers(cluster)
    found = existing.operators(cluster)
    theirs = existing.usable(found, namespace=NAMESPACE, plain_http=where.plain_http)
    _namespaces_free(cluster, installing=theirs is None)
    preconditions.allowed(cluster, (*IN_DEMO, *(() if theirs else TO_INSTALL)))
    runtime = images.runtime_image("sklearn")
    _nodes_fit(cluster, place.architecture_of(runtime))
    _announce(cluster, where, theirs)
    pulled = {"runtime-sklearn": place.push(runtime, "runtime-sklearn", where)}
    if theirs is None:
        pulled["operator"] = place.push(images.operator_image(), "operator", where)
    remove(cluster, with_crds=False)
    guest = Guest(cluster, where, pulled["runtime-sklearn"], build={"registry": registry(where)})
    cluster.apply(*namespace_with_login(NAMESPACE, where, restricted=True))
    _pull(guest, list(pulled.values()))
    if theirs is None:
        _install(cluster, where, pulled, beside_others=bool(found))
    return guest


def remove(cluster: GivenCluster, *, with_crds: bool) -> list[str]:
    """Nothing that the demo made is left; the lines say what went."""
    gone = []
    if existing.is_ours(cluster, NAMESPACE):
        cluster.kubectl("delete", "namespace", NAMESPACE, "--timeout=180s")
        gone.append(f"namespace {NAMESPACE}")
    if existing.is_ours(cluster, SYSTEM):
        if RELEASE in cluster.helm("list", "--all", "--short", "--namespace", SYSTEM).split():
            cluster.helm("uninstall", RELEASE, "--namespace", SYSTEM, "--wait", "--timeout", "120s")
        cluster.kubectl("delete", "namespace", SYSTEM, "--timeout=180s")
        gone.append(f"namespace {SYSTEM} with the operator")
    if with_crds:
        gone += _remove_crds(cluster)
    return gone


def _remove_crds(cluster: GivenCluster) -> list[str]:
    """Those that the demo made, when nobody has come to need them: with a CRD go all of its objects."""
    made = [crd for crd in CRDS if OURS in (cluster.read("crd", crd).get("metadata", {}).get("labels") or {})]
    if not made:
        return []
    needed = [one for crd in made for one in cluster.read(crd, "-A").get("items", [])]
    if needed or existing.operators(cluster):
        return []
    cluster.kubectl("delete", "crd", *made, "--timeout=60s")
    return [f"CRD {crd}" for crd in made]


def _announce(cluster: GivenCluster, where: Place, theirs: Operator | None) -> None:
    """What will be written, before the first of it is."""
    progress.say(f"context '{cluster.context}' gets the namespace {NAMESPACE}")
    if theirs is None:
        progress.say(f"and {', '.join(CRDS)} as CRDs, and an operator in the namespace {SYSTEM}")
    else:
        progress.say(f"the Seatrial in namespace {theirs.namespace} fits and is used")
    if where.login:
        progress.say(f"your login for {where.hosts[0]} is copied into a Secret there")


def _namespaces_free(cluster: GivenCluster, *, installing: bool) -> None:
    for namespace in (NAMESPACE, *((SYSTEM,) if installing else ())):
        if existing.is_ours(cluster, namespace) is False:
            raise LabError(
                f"namespace {namespace} is there and not the demo's; the demo leaves it alone and stops"
            )


def _nodes_fit(cluster: GivenCluster, architecture: str) -> None:
    if cluster.may("list", "nodes"):
        preconditions.nodes_fit(cluster.read("nodes"), architecture)


def registry(where: Place) -> dict[str, Any]:
    secrets = {"pushSecretName": pods.LOGIN, "pullSecretName": pods.LOGIN} if where.login else {}
    authority = {"caConfigMapName": AUTHORITY} if where.ca_file else {}
    return {"repository": where.pulled("models"), **secrets, **authority}


def namespace_with_login(name: str, where: Place, *, restricted: bool) -> list[dict[str, Any]]:
    strict = {"pod-security.kubernetes.io/enforce": "restricted"} if restricted else {}
    objects = [document("Namespace", name, labels={**_LABELS, **strict})]
    if where.login:
        held = {".dockerconfigjson": login.secret_of(where.login, where.hosts)}
        kind = "kubernetes.io/dockerconfigjson"
        objects.append(document("Secret", pods.LOGIN, namespace=name, type=kind, stringData=held))
    if where.ca_file:
        objects.append(
            document("ConfigMap", AUTHORITY, namespace=name, data={"ca.crt": where.ca_file.read_text()})
        )
    return objects


def _pull(guest: Guest, references: list[str]) -> None:
    """A node has pulled and started every image: what comes next does not hang on that."""
    tries = [
        pods.container(f"image-{number}", reference, ["/opt/venv/bin/python", "-c", "pass"])
        for number, reference in enumerate(references)
    ]
    with_login = guest.place.login is not None
    check = pods.pod(
        NAMESPACE, _CHECK, with_login=with_login, initContainers=tries[:-1], containers=tries[-1:]
    )
    with progress.step("a node pulls the images"):
        guest.cluster.apply(check)
        pods.until(guest.cluster, NAMESPACE, _CHECK, phase="Succeeded", seconds=PULL_SECONDS)
    guest.kubectl("delete", "pod", _CHECK, "--timeout=60s")


def _install(cluster: GivenCluster, where: Place, pulled: dict[str, str], *, beside_others: bool) -> None:
    with progress.step("installing the chart"):
        crds(cluster)
        cluster.apply(*namespace_with_login(SYSTEM, where, restricted=False))
        chart = ("upgrade", "--install", RELEASE, str(ROOT / "charts/seatrial"), "--namespace", SYSTEM)
        how = ("--skip-crds", "--wait", "--timeout", "180s", "--values", "-")
        chosen = values(where, pulled, beside_others=beside_others)
        cluster.helm(*chart, *how, stdin=yaml.safe_dump(chosen))


def values(where: Place, pulled: dict[str, str], *, beside_others: bool) -> dict[str, Any]:
    repository, _, digest = pulled["operator"].partition("@")
    return {
        "scope": "namespaced",
        "watchNamespace": NAMESPACE,
        "image": {"repository": repository, "digest": digest},
        "imagePullSecrets": [{"name": pods.LOGIN}] if where.login else [],
        "settings": {"runtimes": {"sklearn": pulled["runtime-sklearn"]}, "plainHttp": where.plain_http},
        # these exist once per cluster, and are the other release's
        "roles": {"create": not beside_others},
        "decisionPolicy": {"create": not beside_others},
    }


def crds(cluster: GivenCluster) -> None:
    """The cluster knows the kinds. A CRD that somebody else keeps is updated when it is older, else it stays."""
    for name in CRDS:
        there = cluster.read("crd", name)
        ours = not there or OURS in (there["metadata"].get("labels") or {})
        difference = existing.age(there) if there else 0
        if difference > 0 or (difference == 0 and not ours):
            progress.say(f"the CRD {name} stays as it is")
            continue
        if there and not ours:
            progress.say(f"the CRD {name} is older than this tree and is updated")
        plural, _, group = name.partition(".")
        body = yaml.safe_load((ROOT / "crds" / f"{group}_{plural}.yaml").read_text())
        body["metadata"]["labels"] = _LABELS if ours else {}
        cluster.apply(body)
        cluster.kubectl("wait", "--for=condition=Established", f"crd/{name}", "--timeout=30s")
