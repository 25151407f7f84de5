"""The objects that are rendered: restricted pods, no empty fields, names that fit, what users add to pods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from seatrial.api import spec, validation
from seatrial.api.objects import Body
from seatrial.api.owner import Owner
from seatrial.core.target import BuildTarget, Workload
from seatrial.manifests import job, metadata, server_pod, workload
from tests.builders import DIGEST, NEW, OWNER, SETTINGS

URI = {"uri": "pvc://models/churn"}
LONG = Owner(namespace="shop", name="a" * 40, uid="u-1")


def parsed(**raw: Any) -> spec.Spec:
    """Return the parsed spec; its model is an image unless `raw` says otherwise."""
    return validation.validate(spec.Spec, {"model": {"image": DIGEST}, **raw})


def template(**raw: Any) -> Body:
    """Return the pod template of the revision that a spec describes."""
    wanted = parsed(**raw)
    pods = Workload(serving=wanted.serving, image_is_given=bool(wanted.model.image))
    return server_pod.template(OWNER, NEW, workload=pods, image=DIGEST, copies={})


def build(owner: Owner = OWNER, **raw: Any) -> Body:
    """Return the Job that builds the image of a spec."""
    wanted = parsed(model={**URI, "credentials": {"secretName": "s3"}}, **raw)
    target = BuildTarget(
        build_id="f" * 10,
        runtime="x",
        runtimes={"x": "r/x"},
        model=wanted.model,
        registry=job.registry_of(wanted.build, SETTINGS),
        resources=wanted.build.resources,
        timeout=wanted.build.timeout,
    )
    return job.build_job(owner, target, job.Attempt(number=999, revision=NEW, runtime="x"))


PODS = [
    pytest.param(template(), id="the server pod"),
    pytest.param(build()["spec"]["template"], id="the build pod"),
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
def test_no_pod_mounts_a_service_account_token(pod: Body) -> None:
    assert pod["spec"]["automountServiceAccountToken"] is False


def empty_fields(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, part in value.items():
            if key != "emptyDir":
                yield from empty_fields(part, f"{path}.{key}")
    if isinstance(value, list):
        for part in value:
            yield from empty_fields(part, f"{path}[]")
    if value is None or value in ("", {}, []):
        yield path


@pytest.mark.parametrize("pod", PODS)
def test_no_pod_has_an_empty_field_that_the_api_server_would_drop(pod: Body) -> None:
    assert list(empty_fields(pod)) == []


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
def test_what_users_set_in_the_pod_is_rendered_unchanged(part: dict[str, Any], field: str) -> None:
    assert template(serving={"pod": part})["spec"][field] == part[field]


def test_only_server_pods_have_the_label_that_services_select() -> None:
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
def test_the_names_of_children_fit_for_the_longest_name_of_a_deployment(name: str) -> None:
    assert len(name) <= 63


def test_an_image_that_the_user_named_is_stopped_after_a_delay() -> None:
    assert "preStop" in template()["spec"]["containers"][0]["lifecycle"]
    assert "lifecycle" not in template(model={"uri": "s3://a/b"})["spec"]["containers"][0]


@pytest.mark.parametrize(("grace_period", "seconds"), [(1, 1), (4, 4), (5, 5), (60, 5), (None, 5)])
def test_the_delay_before_a_stop_is_no_longer_than_the_grace_period(
    grace_period: int | None, seconds: int
) -> None:
    pod = {} if grace_period is None else {"terminationGracePeriodSeconds": grace_period}
    container = template(serving={"pod": pod})["spec"]["containers"][0]
    assert container["lifecycle"]["preStop"]["sleep"]["seconds"] == seconds


MEMORY = {"medium": "Memory"}


@pytest.mark.parametrize("path", ["/tmp", "/tmp/", "//tmp"])
def test_a_volume_that_the_user_mounts_at_tmp_replaces_the_scratch_volume(path: str) -> None:
    pod = {"volumes": [{"name": "fast", "emptyDir": MEMORY}]}
    mounts = [{"name": "fast", "mountPath": path}]
    body = template(serving={"pod": {**pod, "volumeMounts": mounts}})["spec"]
    assert body["volumes"] == pod["volumes"]
    assert body["containers"][0]["volumeMounts"] == mounts


def test_a_volume_with_the_name_of_the_scratch_volume_does_not_replace_it() -> None:
    volumes = [{"name": "tmp", "emptyDir": MEMORY}, {"name": "tmp-0", "emptyDir": {}}]
    pod = {"volumes": volumes, "volumeMounts": [{"name": "tmp", "mountPath": "/scratch"}]}
    body = template(serving={"pod": pod})["spec"]
    scratch = next(m for m in body["containers"][0]["volumeMounts"] if m["mountPath"] == "/tmp")
    assert [volume["name"] for volume in body["volumes"]] == ["tmp", "tmp-0", scratch["name"]]
    assert scratch["name"] not in {"tmp", "tmp-0"}


def test_pods_read_copies_of_config_maps_and_secrets_themselves() -> None:
    env_from = [{"configMapRef": {"name": "a"}}, {"secretRef": {"name": "a"}}]
    pods = Workload(serving=parsed(serving={"envFrom": env_from}).serving, pull_secret_name="pull")
    pod = server_pod.template(OWNER, NEW, workload=pods, image=DIGEST, copies={"a": "a-0"})
    sources = pod["spec"]["containers"][0]["envFrom"]
    assert sources == [{"configMapRef": {"name": "a-0"}}, {"secretRef": {"name": "a"}}]
    assert pod["spec"]["imagePullSecrets"] == [{"name": "pull"}]


def test_the_startup_probe_allows_a_day_for_loading_the_model() -> None:
    probe = template()["spec"]["containers"][0]["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 24 * 3600


def test_a_build_job_runs_one_pod_and_has_the_timeout_as_its_deadline() -> None:
    body = build(build={"timeout": "5m"})["spec"]
    assert (body["backoffLimit"], body["activeDeadlineSeconds"]) == (0, 300)


def test_a_model_on_a_volume_is_mounted_read_only() -> None:
    body = build()["spec"]["template"]["spec"]
    claim = next(v for v in body["volumes"] if v["name"] == "source")
    assert claim["persistentVolumeClaim"] == {"claimName": "models", "readOnly": True}


def test_the_registry_of_the_spec_overrides_the_settings_field_by_field() -> None:
    wanted = parsed(model=URI, build={"registry": {"pushSecretName": "mine"}})
    registry = job.registry_of(wanted.build, SETTINGS)
    assert (registry.push_secret_name, registry.repository) == ("mine", "r.shop/models")


@pytest.mark.parametrize("may_shrink", [True, False])
def test_an_autoscaler_has_every_field_so_that_no_older_value_is_left(may_shrink: bool) -> None:
    scaling = parsed(scaling={"minReplicas": 2, "maxReplicas": 9}).scaling
    body = workload.autoscaler(OWNER, NEW, scaling=scaling, floor=4, may_shrink=may_shrink)["spec"]
    assert (body["minReplicas"], body["maxReplicas"]) == (4, 9)
    assert set(body["behavior"]["scaleUp"]) == set(body["behavior"]["scaleDown"])
    assert (body["behavior"]["scaleDown"]["selectPolicy"] == "Disabled") is not may_shrink


def test_a_changed_rendering_has_another_hash() -> None:
    rendered = workload.deployment(OWNER, NEW, template())
    changed = workload.deployment(OWNER, NEW, template(serving={"timeout": "5s"}))
    hashes = [body["metadata"]["annotations"][metadata.APPLIED] for body in (rendered, changed)]
    assert hashes[0] != hashes[1]
    assert workload.deployment(OWNER, NEW, template()) == rendered
