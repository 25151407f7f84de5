"""What the demo creates in an existing cluster, and what it removes."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from model_runtime.registry.credentials import Login
from seatrial.api import names, settings
from tests.cluster.errors import LabError
from tests.stage import existing, guest
from tests.stage.existing import CRDS, OURS, SYSTEM, Operator
from tests.stage.guest import NAMESPACE, Guest
from tests.stage.install import ROOT
from tests.stage.registry_location import RegistryLocation

LOCATION = RegistryLocation(registry="127.0.0.1:5000", pull_registry="registry.lab:5000")
NEWER, OLDER = str(int(names.SCHEMA_VERSION) + 1), str(int(names.SCHEMA_VERSION) - 1)
VERSION = existing.own_version()


class FakeCluster:
    """A cluster with these objects by `kind/name`; it records what is applied and which commands run."""

    def __init__(self, **objects: dict[str, Any]) -> None:
        self.objects = {name.replace("__", "/"): body for name, body in objects.items()}
        self.lists: dict[str, list[dict[str, Any]]] = {}
        self.applied: list[dict[str, Any]] = []
        self.commands: list[str] = []

    def read(self, *arguments: str) -> dict[str, Any]:
        if "-A" in arguments:
            return {"items": self.lists.get(arguments[0], [])}
        return self.objects.get("/".join(arguments[:2]), {})

    def apply(self, *objects: dict[str, Any]) -> None:
        self.applied += objects

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        self.commands.append(" ".join(arguments))
        return ""

    def helm(self, *arguments: str, stdin: str | None = None) -> str:
        self.commands.append(f"helm {' '.join(arguments)}")
        return "seatrial\n" if arguments[0] == "list" else ""

    def deleted(self) -> list[str]:
        """Return the commands that remove something."""
        return [line for line in self.commands if line.startswith(("delete", "helm uninstall"))]


def existing_object(*, ours: bool, schema: str = names.SCHEMA_VERSION) -> dict[str, Any]:
    labels = {OURS: "true"} if ours else {"team": "a"}
    return {"metadata": {"labels": labels, "annotations": {names.ANNOTATION_SCHEMA_VERSION: schema}}}


def cluster_with_crds(*, ours: bool, schema: str = names.SCHEMA_VERSION) -> FakeCluster:
    cluster = FakeCluster()
    cluster.objects = {f"crd/{crd}": existing_object(ours=ours, schema=schema) for crd in CRDS}
    return cluster


def labels_applied(cluster: FakeCluster) -> list[dict[str, str]]:
    return [body["metadata"]["labels"] for body in cluster.applied]


def test_missing_crds_are_created_with_the_demo_label() -> None:
    cluster = FakeCluster()
    guest.crds(cluster)  # type: ignore[arg-type]
    assert [body["metadata"]["name"] for body in cluster.applied] == list(CRDS)
    assert labels_applied(cluster) == [{OURS: "true"}] * len(CRDS)


@pytest.mark.parametrize("ours", [True, False])
def test_a_newer_crd_is_never_downgraded(ours: bool) -> None:
    cluster = cluster_with_crds(ours=ours, schema=NEWER)
    guest.crds(cluster)  # type: ignore[arg-type]
    assert cluster.applied == []


def test_a_foreign_crd_is_updated_only_if_it_is_older() -> None:
    same, old = cluster_with_crds(ours=False), cluster_with_crds(ours=False, schema=OLDER)
    guest.crds(same)  # type: ignore[arg-type]
    guest.crds(old)  # type: ignore[arg-type]
    assert same.applied == []
    # it gets no label, so that the demo never removes it
    assert labels_applied(old) == [{}] * len(CRDS)


def test_a_crd_of_the_demo_is_updated_and_keeps_its_label() -> None:
    cluster = cluster_with_crds(ours=True)
    guest.crds(cluster)  # type: ignore[arg-type]
    assert labels_applied(cluster) == [{OURS: "true"}] * len(CRDS)


def test_foreign_objects_are_not_removed() -> None:
    cluster = cluster_with_crds(ours=False)
    cluster.objects |= {f"namespace/{name}": existing_object(ours=False) for name in (NAMESPACE, SYSTEM)}
    assert guest.remove(cluster, with_crds=True) == []  # type: ignore[arg-type]
    assert cluster.deleted() == []


def test_everything_of_the_demo_is_removed_objects_before_operator_and_crds() -> None:
    cluster = cluster_with_crds(ours=True)
    cluster.objects |= {f"namespace/{name}": existing_object(ours=True) for name in (NAMESPACE, SYSTEM)}
    guest.remove(cluster, with_crds=True)  # type: ignore[arg-type]
    commands = [line.split(" --")[0] for line in cluster.deleted()]
    assert commands == [
        f"delete namespace {NAMESPACE}",
        "helm uninstall seatrial",
        f"delete namespace {SYSTEM}",
        f"delete crd {' '.join(CRDS)}",
    ]


def test_crds_with_foreign_objects_are_kept() -> None:
    cluster = cluster_with_crds(ours=True)
    cluster.lists = {CRDS[0]: [{"metadata": {"name": "churn", "namespace": "shop"}}]}
    guest.remove(cluster, with_crds=True)  # type: ignore[arg-type]
    assert cluster.deleted() == []


def deployment(namespace: str, *arguments: str, version: str = VERSION) -> dict[str, Any]:
    pod = {"containers": [{"args": list(arguments)}], "volumes": [{"configMap": {"name": "s-settings"}}]}
    head = {"namespace": namespace, "labels": {"app.kubernetes.io/version": version}}
    return {"metadata": head, "spec": {"template": {"spec": pod}}}


def test_crds_that_another_operator_needs_are_kept() -> None:
    cluster = cluster_with_crds(ours=True)
    cluster.lists = {"deployments": [deployment("theirs")]}
    guest.remove(cluster, with_crds=True)  # type: ignore[arg-type]
    assert cluster.deleted() == []


def test_a_new_demo_keeps_the_crds_of_an_earlier_one() -> None:
    cluster = cluster_with_crds(ours=True)
    guest.remove(cluster, with_crds=False)  # type: ignore[arg-type]
    assert cluster.deleted() == []


def test_foreign_operators_are_found_with_their_settings() -> None:
    cluster = FakeCluster(configmap__s_settings={}, namespace__seatrial_system=existing_object(ours=False))
    config_map = {"data": {"settings.yaml": yaml.safe_dump({"runtimes": {"sklearn": "r/x"}})}}
    cluster.objects = {"configmap/s-settings": config_map}
    cluster.lists = {"deployments": [deployment("a"), deployment("b", "--namespace=shop", version="9")]}
    first, second = existing.operators(cluster)  # type: ignore[arg-type]
    assert first == Operator("a", VERSION, {"runtimes": {"sklearn": "r/x"}})
    assert (second.version, second.watches) == ("9", ("shop",))


@pytest.mark.parametrize("ours", [True, False])
def test_the_operator_of_the_demo_is_not_a_foreign_one(ours: bool) -> None:
    cluster = FakeCluster()
    cluster.objects = {f"namespace/{SYSTEM}": existing_object(ours=ours)}
    cluster.lists = {"deployments": [deployment(SYSTEM)]}
    assert len(existing.operators(cluster)) == (0 if ours else 1)  # type: ignore[arg-type]


FITS = Operator("a", VERSION, {"runtimes": {"sklearn": "r/x"}})
ELSEWHERE = Operator("b", "9", {}, watches=("shop",))


def usable(*found: Operator, plain_http: bool = False) -> Operator | None:
    return existing.usable(list(found), namespace=NAMESPACE, plain_http=plain_http)


def test_a_suitable_operator_is_used() -> None:
    assert usable(FITS) == FITS
    assert usable(ELSEWHERE, FITS) == FITS
    own = Operator("a", VERSION, {"runtimes": {"sklearn": "r/x"}}, watches=(NAMESPACE,))
    assert usable(own) == own


def test_an_operator_that_watches_another_namespace_is_ignored() -> None:
    assert usable() is None
    assert usable(ELSEWHERE) is None


@pytest.mark.parametrize(
    ("operators", "plain_http", "message"),
    [
        pytest.param(
            [Operator("a", "9", FITS.settings)],
            False,
            "has version 9, but this checkout has",
            id="another version",
        ),
        pytest.param([Operator("a", "", FITS.settings)], False, "has version unknown", id="no version"),
        pytest.param([Operator("a", VERSION, {})], False, "no runtime sklearn", id="no runtime"),
        pytest.param([FITS], True, "uses TLS for registries", id="operator uses TLS"),
        pytest.param(
            [Operator("a", VERSION, {**FITS.settings, "plainHttp": True})],
            False,
            "uses HTTP",
            id="operator uses HTTP",
        ),
        pytest.param([FITS, FITS], False, "several Seatrial operators", id="two operators"),
    ],
)
def test_an_unsuitable_operator_is_an_error(
    operators: list[Operator], plain_http: bool, message: str
) -> None:
    with pytest.raises(LabError, match=message):
        usable(*operators, plain_http=plain_http)


PULLED = {"operator": "r:5/seatrial-operator@sha256:0", "runtime-sklearn": "r:5/x@sha256:1"}


def test_the_operator_watches_only_the_namespace_of_the_demo() -> None:
    values = guest.values(LOCATION, PULLED, beside_others=False)
    assert values["watchNamespaces"] == [NAMESPACE]
    assert values["image"] == {"repository": "r:5/seatrial-operator", "digest": "sha256:0"}
    assert values["imagePullSecrets"] == []
    assert settings.Settings.model_validate(values["settings"]).runtimes == {"sklearn": "r:5/x@sha256:1"}


def test_cluster_wide_objects_of_another_release_are_not_created() -> None:
    values = guest.values(LOCATION, PULLED, beside_others=True)
    assert values["roles"] == values["decisionPolicy"] == {"create": False}


def test_the_values_exist_in_the_chart() -> None:
    chart_values = yaml.safe_load((ROOT / "charts/seatrial/values.yaml").read_text())
    demo_values = guest.values(LOCATION, PULLED, beside_others=False)
    assert set(demo_values) <= set(chart_values)
    assert set(demo_values["settings"]) <= set(chart_values["settings"])


def test_a_model_that_is_too_large_for_a_config_map_is_rejected() -> None:
    stage = Guest(FakeCluster(), LOCATION, "image")  # type: ignore[arg-type]
    assert stage.put_model("digits/1/model.skops", b"x") == {"uri": "configmap://digits-1/model.skops"}
    with pytest.raises(LabError, match="a ConfigMap holds at most"):
        stage.put_model("digits/2/model.skops", b"x" * (guest.LARGEST_MODEL + 1))


@pytest.mark.parametrize("login", [None, Login("jo", "secret")])
def test_the_namespace_has_a_login_secret_only_if_there_is_a_login(login: Login | None) -> None:
    location = RegistryLocation(registry="127.0.0.1:5000", pull_registry="registry.lab:5000", login=login)
    kinds = [body["kind"] for body in guest.namespace_with_login(NAMESPACE, location, restricted=True)]
    assert kinds == (["Namespace", "Secret"] if login else ["Namespace"])
    assert ("pushSecretName" in guest.registry_spec(location)) == bool(login)
