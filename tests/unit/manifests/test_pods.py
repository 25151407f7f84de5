"""The pods that are made: restricted, without empty fields, with names that fit, with what users hand on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from seatrial.api import settings, spec, validation
from seatrial.api.objects import Body
from seatrial.api.owner import Owner
from seatrial.manifests import job, metadata, server, workload
from tests.builders import DIGEST, NEW, OWNER, SETTINGS

URI = {"uri": "pvc://models/churn"}
LONG = Owner(namespace="shop", name="a" * 40, uid="u-1")


def wanted(**raw: Any) -> spec.Spec:
    return validation.validate(spec.Spec, {"model": {"image": DIGEST}, **raw})


def template(**raw: Any) -> Body:
    return server.template(OWNER, NEW, wanted=wanted(**raw), image=DIGEST, pull_secret="", copies={})


def build(owner: Owner = OWNER, operator: settings.Settings = SETTINGS, **raw: Any) -> Body:
    asked = wanted(model={**URI, "credentials": {"secretName": "s3"}}, **raw)
    registry = job.registry_of(asked, operator)
    plan = job.BuildPlan(
        build_id="f" * 10, attempt=999, revision=NEW, runtime="x", runtime_image="r/x", registry=registry
    )
    return job.build_job(owner, plan, wanted=asked, operator=operator)


PODS = [
    pytest.param(template(), id="a server"),
    pytest.param(build()["spec"]["template"], id="a build"),
]
RESTRICTED_VOLUMES = {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"}


@pytest.mark.parametrize("pod", PODS)
def test_every_pod_satisfies_the_restricted_profile(pod: Body) -> None:
    body = pod["spec"]
    assert body["securityContext"]["runAsNonRoot"] is True
    assert body["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(body)
    for volume in body["volumes"]:
        assert set(volume) - {"name"} <= RESTRICTED_VOLUMES
    for container in body["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert "runAsUser" not in context


@pytest.mark.parametrize("pod", PODS)
def test_no_pod_has_a_token(pod: Body) -> None:
    assert pod["spec"]["automountServiceAccountToken"] is False


def _empty(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, part in value.items():
            if key != "emptyDir":
                yield from _empty(part, f"{path}.{key}")
    if isinstance(value, list):
        for part in value:
            yield from _empty(part, f"{path}[]")
    if value is None or value in ("", {}, []):
        yield path


@pytest.mark.parametrize("pod", PODS)
def test_no_pod_has_an_empty_field_that_the_api_server_would_drop(pod: Body) -> None:
    assert list(_empty(pod)) == []


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"nodeSelector": {"ml": ""}}, "nodeSelector"),
        ({"tolerations": [{"key": "gpu", "operator": "Exists", "effect": ""}]}, "tolerations"),
        (
            {"affinity": {"podAffinity": {"requiredDuringScheduling": [{"namespaceSelector": {}}]}}},
            "affinity",
        ),
    ],
)
def test_what_users_hand_on_reaches_the_pod_as_it_is(part: dict[str, Any], field: str) -> None:
    assert template(serving={"pod": part})["spec"][field] == part[field]


def test_the_labels_that_services_select_are_on_server_pods_alone() -> None:
    assert "seatrial.dev/server" in template()["metadata"]["labels"]
    assert "seatrial.dev/server" not in build()["spec"]["template"]["metadata"]["labels"]


@pytest.mark.parametrize(
    "name",
    [
        job.name_of(LONG, "f" * 10, 999),
        build(LONG)["metadata"]["name"],
        LONG.child(NEW),
        f"{LONG.child(NEW)}-99",
    ],
)
def test_the_names_of_children_fit_with_the_longest_name(name: str) -> None:
    assert len(name) <= 63


def test_a_given_image_is_told_later_that_it_must_go() -> None:
    assert "preStop" in template()["spec"]["containers"][0]["lifecycle"]
    assert "lifecycle" not in template(model={"uri": "s3://a/b"})["spec"]["containers"][0]


@pytest.mark.parametrize(("chosen", "slept"), [(1, 1), (4, 4), (5, 5), (60, 5), (None, 5)])
def test_a_given_image_sleeps_no_longer_than_it_is_given(chosen: int | None, slept: int) -> None:
    pod = {} if chosen is None else {"terminationGracePeriodSeconds": chosen}
    container = template(serving={"pod": pod})["spec"]["containers"][0]
    assert container["lifecycle"]["preStop"]["sleep"]["seconds"] == slept


MEMORY = {"medium": "Memory"}


@pytest.mark.parametrize("path", ["/tmp", "/tmp/", "//tmp"])
def test_a_volume_of_the_users_takes_the_place_of_the_scratch(path: str) -> None:
    pod = {"volumes": [{"name": "fast", "emptyDir": MEMORY}]}
    mounts = [{"name": "fast", "mountPath": path}]
    body = template(serving={"pod": {**pod, "volumeMounts": mounts}})["spec"]
    assert body["volumes"] == pod["volumes"]
    assert body["containers"][0]["volumeMounts"] == mounts


def test_a_volume_called_as_the_scratch_is_another_one() -> None:
    mine = [{"name": "tmp", "emptyDir": MEMORY}, {"name": "tmp-0", "emptyDir": {}}]
    pod = {"volumes": mine, "volumeMounts": [{"name": "tmp", "mountPath": "/scratch"}]}
    body = template(serving={"pod": pod})["spec"]
    scratch = next(m for m in body["containers"][0]["volumeMounts"] if m["mountPath"] == "/tmp")
    assert [volume["name"] for volume in body["volumes"]] == [scratch["name"], "tmp", "tmp-0"]
    assert scratch["name"] not in {"tmp", "tmp-0"}


def test_pods_read_the_copies_of_config_maps() -> None:
    asked = wanted(serving={"envFrom": [{"configMapRef": {"name": "a"}}, {"secretRef": {"name": "a"}}]})
    pod = server.template(OWNER, NEW, wanted=asked, image=DIGEST, pull_secret="pull", copies={"a": "a-0"})
    sources = pod["spec"]["containers"][0]["envFrom"]
    assert sources == [{"configMapRef": {"name": "a-0"}}, {"secretRef": {"name": "a"}}]
    assert pod["spec"]["imagePullSecrets"] == [{"name": "pull"}]


def test_a_kubelet_never_ends_a_model_that_loads_slowly() -> None:
    probe = template()["spec"]["containers"][0]["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 24 * 3600


def test_a_build_is_made_once_an_attempt_and_ends_in_time() -> None:
    body = build(build={"timeout": "5m"})["spec"]
    assert (body["backoffLimit"], body["activeDeadlineSeconds"]) == (0, 300)


def test_a_volume_is_mounted_and_read_only() -> None:
    body = build()["spec"]["template"]["spec"]
    claim = next(v for v in body["volumes"] if v["name"] == "source")
    assert claim["persistentVolumeClaim"] == {"claimName": "models", "readOnly": True}


def test_the_registry_of_an_object_wins_field_by_field() -> None:
    asked = wanted(model=URI, build={"registry": {"pushSecretName": "mine"}})
    registry = job.registry_of(asked, SETTINGS)
    assert (registry.push_secret_name, registry.repository) == ("mine", "r.shop/models")


@pytest.mark.parametrize("may_shrink", [True, False])
def test_an_autoscaler_says_every_field_so_that_no_older_wish_is_left(may_shrink: bool) -> None:
    asked = wanted(scaling={"minReplicas": 2, "maxReplicas": 9}).scaling
    body = workload.autoscaler(OWNER, NEW, wanted=asked, floor=4, may_shrink=may_shrink)["spec"]
    assert (body["minReplicas"], body["maxReplicas"]) == (4, 9)
    assert set(body["behavior"]["scaleUp"]) == set(body["behavior"]["scaleDown"])
    assert (body["behavior"]["scaleDown"]["selectPolicy"] == "Disabled") is not may_shrink


def test_a_changed_rendering_has_another_hash() -> None:
    one = workload.deployment(OWNER, NEW, template())
    other = workload.deployment(OWNER, NEW, template(serving={"timeout": "5s"}))
    notes = [body["metadata"]["annotations"][metadata.APPLIED] for body in (one, other)]
    assert notes[0] != notes[1]
    assert workload.deployment(OWNER, NEW, template()) == one
