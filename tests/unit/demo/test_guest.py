"""Seatrial as a guest: what it may write into a cluster of the user's, and what it takes away again."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from model_runtime.registry.credentials import Login
from seatrial.api import names, settings
from tests.cluster.errors import LabError
from tests.stage import existing, guest, pods
from tests.stage.existing import CRDS, OURS, SYSTEM, Operator
from tests.stage.guest import NAMESPACE, Guest
from tests.stage.install import ROOT
from tests.stage.place import Place

PLACE = Place(registry="127.0.0.1:5000", pull_registry="registry.lab:5000")
NEWER, OLDER = str(int(names.SCHEMA_VERSION) + 1), str(int(names.SCHEMA_VERSION) - 1)
VERSION = existing.own_version()


class Remembering:
    """A cluster that has these objects by `kind/name`, and remembers what was done to it."""

    def __init__(self, **objects: dict[str, Any]) -> None:
        self.objects = {name.replace("__", "/"): body for name, body in objects.items()}
        self.lists: dict[str, list[dict[str, Any]]] = {}
        self.applied: list[dict[str, Any]] = []
        self.done: list[str] = []

    def read(self, *arguments: str) -> dict[str, Any]:
        if "-A" in arguments:
            return {"items": self.lists.get(arguments[0], [])}
        return self.objects.get("/".join(arguments[:2]), {})

    def apply(self, *objects: dict[str, Any]) -> None:
        self.applied += objects

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        self.done.append(" ".join(arguments))
        return ""

    def helm(self, *arguments: str, stdin: str | None = None) -> str:
        self.done.append(f"helm {' '.join(arguments)}")
        return "seatrial\n" if arguments[0] == "list" else ""

    def deleted(self) -> list[str]:
        """What was taken away."""
        return [line for line in self.done if line.startswith(("delete", "helm uninstall"))]


def thing(*, ours: bool, schema: str = names.SCHEMA_VERSION) -> dict[str, Any]:
    labels = {OURS: "true"} if ours else {"team": "a"}
    return {"metadata": {"labels": labels, "annotations": {names.ANNOTATION_SCHEMA_VERSION: schema}}}


def cluster_with_crds(*, ours: bool, schema: str = names.SCHEMA_VERSION) -> Remembering:
    cluster = Remembering()
    cluster.objects = {f"crd/{crd}": thing(ours=ours, schema=schema) for crd in CRDS}
    return cluster


def labels_applied(cluster: Remembering) -> list[dict[str, str]]:
    return [body["metadata"]["labels"] for body in cluster.applied]


def test_missing_crds_are_made_and_marked() -> None:
    cluster = Remembering()
    guest.crds(cluster)  # type: ignore[arg-type]
    assert [body["metadata"]["name"] for body in cluster.applied] == list(CRDS)
    assert labels_applied(cluster) == [{OURS: "true"}] * len(CRDS)


@pytest.mark.parametrize("ours", [True, False])
def test_a_newer_crd_is_never_downgraded(ours: bool) -> None:
    cluster = cluster_with_crds(ours=ours, schema=NEWER)
    guest.crds(cluster)  # type: ignore[arg-type]
    assert cluster.applied == []


def test_somebody_else_s_crd_stays_unless_it_is_too_old() -> None:
    same, old = cluster_with_crds(ours=False), cluster_with_crds(ours=False, schema=OLDER)
    guest.crds(same)  # type: ignore[arg-type]
    guest.crds(old)  # type: ignore[arg-type]
    assert same.applied == []
    # and is not marked: the demo must not take it away one day
    assert labels_applied(old) == [{}] * len(CRDS)


def test_an_own_crd_is_brought_up_to_date_and_stays_marked() -> None:
    cluster = cluster_with_crds(ours=True)
    guest.crds(cluster)  # type: ignore[arg-type]
    assert labels_applied(cluster) == [{OURS: "true"}] * len(CRDS)


def test_what_is_not_the_demo_s_is_not_removed() -> None:
    cluster = cluster_with_crds(ours=False)
    cluster.objects |= {f"namespace/{name}": thing(ours=False) for name in (NAMESPACE, SYSTEM)}
    assert guest.remove(cluster, with_crds=True) == []  # type: ignore[arg-type]
    assert cluster.deleted() == []


def test_all_that_is_the_demo_s_is_removed_the_objects_before_their_operator_and_kinds() -> None:
    cluster = cluster_with_crds(ours=True)
    cluster.objects |= {f"namespace/{name}": thing(ours=True) for name in (NAMESPACE, SYSTEM)}
    guest.remove(cluster, with_crds=True)  # type: ignore[arg-type]
    words = [line.split(" --")[0] for line in cluster.deleted()]
    assert words == [
        f"delete namespace {NAMESPACE}",
        "helm uninstall seatrial",
        f"delete namespace {SYSTEM}",
        f"delete crd {' '.join(CRDS)}",
    ]


def test_crds_outlive_the_demo_when_there_are_objects_of_others() -> None:
    cluster = cluster_with_crds(ours=True)
    cluster.lists = {CRDS[0]: [{"metadata": {"name": "churn", "namespace": "shop"}}]}
    guest.remove(cluster, with_crds=True)  # type: ignore[arg-type]
    assert cluster.deleted() == []


def deployment(namespace: str, *arguments: str, version: str = VERSION) -> dict[str, Any]:
    pod = {"containers": [{"args": list(arguments)}], "volumes": [{"configMap": {"name": "s-settings"}}]}
    head = {"namespace": namespace, "labels": {"app.kubernetes.io/version": version}}
    return {"metadata": head, "spec": {"template": {"spec": pod}}}


def test_crds_outlive_the_demo_when_another_operator_needs_them() -> None:
    cluster = cluster_with_crds(ours=True)
    cluster.lists = {"deployments": [deployment("theirs")]}
    guest.remove(cluster, with_crds=True)  # type: ignore[arg-type]
    assert cluster.deleted() == []


def test_before_a_demo_the_crds_of_an_earlier_one_stay() -> None:
    cluster = cluster_with_crds(ours=True)
    guest.remove(cluster, with_crds=False)  # type: ignore[arg-type]
    assert cluster.deleted() == []


def test_the_operators_of_others_are_found_and_read() -> None:
    cluster = Remembering(configmap__s_settings={}, namespace__seatrial_system=thing(ours=False))
    held = {"data": {"settings.yaml": yaml.safe_dump({"runtimes": {"sklearn": "r/x"}})}}
    cluster.objects = {"configmap/s-settings": held}
    cluster.lists = {"deployments": [deployment("a"), deployment("b", "--namespace=shop", version="9")]}
    first, second = existing.operators(cluster)  # type: ignore[arg-type]
    assert first == Operator("a", VERSION, {"runtimes": {"sklearn": "r/x"}})
    assert (second.version, second.watches) == ("9", "shop")


@pytest.mark.parametrize("ours", [True, False])
def test_the_demo_s_own_operator_is_not_another_s(ours: bool) -> None:
    cluster = Remembering()
    cluster.objects = {f"namespace/{SYSTEM}": thing(ours=ours)}
    cluster.lists = {"deployments": [deployment(SYSTEM)]}
    assert len(existing.operators(cluster)) == (0 if ours else 1)  # type: ignore[arg-type]


FITS = Operator("a", VERSION, {"runtimes": {"sklearn": "r/x"}})
ELSEWHERE = Operator("b", "9", {}, watches="shop")


def usable(*found: Operator, plain_http: bool = False) -> Operator | None:
    return existing.usable(list(found), namespace=NAMESPACE, plain_http=plain_http)


def test_an_operator_that_fits_is_used() -> None:
    assert usable(FITS) == FITS
    assert usable(ELSEWHERE, FITS) == FITS
    own = Operator("a", VERSION, {"runtimes": {"sklearn": "r/x"}}, watches=NAMESPACE)
    assert usable(own) == own


def test_an_operator_of_another_namespace_is_no_help_and_no_hindrance() -> None:
    assert usable() is None
    assert usable(ELSEWHERE) is None


@pytest.mark.parametrize(
    ("found", "plain_http", "words"),
    [
        pytest.param([Operator("a", "9", FITS.settings)], False, "is 9, this tree is", id="another version"),
        pytest.param([Operator("a", "", FITS.settings)], False, "of no known version", id="no version"),
        pytest.param([Operator("a", VERSION, {})], False, "no runtime sklearn", id="no runtime"),
        pytest.param([FITS], True, "speaks TLS to registries", id="it speaks TLS"),
        pytest.param(
            [Operator("a", VERSION, {**FITS.settings, "plainHttp": True})], False, "speaks http", id="no TLS"
        ),
        pytest.param([FITS, FITS], False, "several Seatrials", id="two of them"),
    ],
)
def test_an_operator_that_does_not_fit_stops_the_demo(
    found: list[Operator], plain_http: bool, words: str
) -> None:
    with pytest.raises(LabError, match=words):
        usable(*found, plain_http=plain_http)


PULLED = {"operator": "r:5/seatrial-operator@sha256:0", "runtime-sklearn": "r:5/x@sha256:1"}


def test_the_operator_looks_after_the_demo_s_namespace_alone() -> None:
    values = guest.values(PLACE, PULLED, beside_others=False)
    assert (values["scope"], values["watchNamespace"]) == ("namespaced", NAMESPACE)
    assert values["image"] == {"repository": "r:5/seatrial-operator", "digest": "sha256:0"}
    assert values["imagePullSecrets"] == []
    assert settings.Settings.model_validate(values["settings"]).runtimes == {"sklearn": "r:5/x@sha256:1"}


def test_beside_another_release_it_leaves_what_a_cluster_has_once() -> None:
    values = guest.values(PLACE, PULLED, beside_others=True)
    assert values["roles"] == values["decisionPolicy"] == {"create": False}


def test_the_values_are_values_of_the_chart() -> None:
    known = yaml.safe_load((ROOT / "charts/seatrial/values.yaml").read_text())
    given = guest.values(PLACE, PULLED, beside_others=False)
    assert set(given) <= set(known)
    assert set(given["settings"]) <= set(known["settings"])


def test_a_model_that_no_config_map_takes_is_refused_here() -> None:
    stage = Guest(Remembering(), PLACE, "image")  # type: ignore[arg-type]
    assert stage.put_model("digits/1/model.skops", b"x") == {"uri": "configmap://digits-1/model.skops"}
    with pytest.raises(LabError, match="more than a ConfigMap takes"):
        stage.put_model("digits/2/model.skops", b"x" * (guest.LARGEST_MODEL + 1))


def pod(*containers: dict[str, Any], phase: str = "Pending", **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "p"},
        "status": {"phase": phase, "containerStatuses": [*containers], **status},
    }


def held(**state: Any) -> dict[str, Any]:
    return {"name": "c", "image": "r/x:1", "state": state}


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        pytest.param({}, "", id="not seen yet"),
        pytest.param(pod(held(waiting={"reason": "ContainerCreating"})), "", id="it starts"),
        pytest.param(pod(held(running={}), phase="Running"), "", id="it runs"),
        pytest.param(pod(held(terminated={"exitCode": 0}), phase="Succeeded"), "", id="it has ended well"),
        pytest.param(
            pod(held(waiting={"reason": "ErrImagePull", "message": "no such host"})),
            "cannot pull r/x:1: no such host",
            id="its image cannot be pulled",
        ),
        pytest.param(
            pod(held(waiting={"reason": "ImagePullBackOff"})), "ImagePullBackOff", id="without a word"
        ),
        pytest.param(
            pod(initContainerStatuses=[held(waiting={"reason": "InvalidImageName"})]),
            "cannot pull r/x:1",
            id="an init container's image",
        ),
        pytest.param(
            pod(held(terminated={"exitCode": 1, "message": "exec format error"})),
            "ends with 1 in the pod p: exec format error",
            id="it has ended badly",
        ),
        pytest.param(pod(phase="Failed", reason="Evicted", message="disk"), "Evicted: disk", id="evicted"),
    ],
)
def test_what_keeps_a_pod_from_running_is_said_at_once(seen: dict[str, Any], words: str) -> None:
    said = pods.trouble_of(seen)
    assert (words in said) if words else said == ""


def test_what_a_pod_waits_for_is_said_in_the_end() -> None:
    unscheduled = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes: no memory"}
    assert pods.waiting(pod(conditions=[unscheduled])) == "no node takes it: 0/3 nodes: no memory"
    assert pods.waiting(pod(held(waiting={"reason": "ContainerCreating"}))) == "c: ContainerCreating"
    assert pods.waiting({}) == ""


@pytest.mark.parametrize("login", [None, Login("jo", "secret")])
def test_a_login_is_beside_the_models_exactly_when_there_is_one(login: Login | None) -> None:
    where = Place(registry="127.0.0.1:5000", pull_registry="registry.lab:5000", login=login)
    kinds = [body["kind"] for body in guest.namespace_with_login(NAMESPACE, where, restricted=True)]
    assert kinds == (["Namespace", "Secret"] if login else ["Namespace"])
    assert ("pushSecretName" in guest.registry(where)) == bool(login)
