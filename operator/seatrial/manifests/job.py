"""The Job that fetches a model and builds its image: restricted like the server, and without a token as well."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from model_runtime import contract
from seatrial.api import build, names, settings, spec
from seatrial.api.objects import Body
from seatrial.manifests import metadata
from seatrial.manifests.metadata import Owner
from seatrial.manifests.server import filled

CONTAINER = "build"
KEPT_SECONDS = 3600
"""How long a finished Job and its log are kept."""
GRACE_SECONDS = 1
"""A build that is told to end has nothing to tidy up; given time, it would go on and succeed after its deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildPlan:
    """One attempt: which image it runs on and where it pushes."""

    build_id: str
    attempt: int
    revision: str
    runtime: str
    runtime_image: str
    registry: build.Registry


def registry_of(wanted: spec.Spec, operator: settings.Settings) -> build.Registry:
    """The object's registry, with the operator's settings where it says nothing."""
    own = wanted.build.registry.model_dump(exclude_defaults=True)
    # what is pushed to a repository of its own is pulled from there, not from the operator's
    elsewhere = {"pull_repository": ""} if "repository" in own else {}
    return operator.registry.model_copy(update={**elsewhere, **own})


def name_of(owner: Owner, build_id: str, attempt: int) -> str:
    """The name of one attempt's Job."""
    return f"{owner.name}-build-{build_id}-{attempt}"


def build_job(owner: Owner, plan: BuildPlan, *, wanted: spec.Spec, operator: settings.Settings) -> Body:
    """One attempt at one image."""
    labels = {names.LABEL_BUILD: plan.build_id}
    pod = {
        "metadata": {"labels": {**metadata.labels(owner, plan.revision), **labels}},
        "spec": _pod(owner, plan, wanted=wanted, operator=operator),
    }
    return metadata.child(
        owner,
        api_version="batch/v1",
        kind="Job",
        name=name_of(owner, plan.build_id, plan.attempt),
        revision=plan.revision,
        extra_labels=labels,
        spec={
            "backoffLimit": 0,
            "activeDeadlineSeconds": max(int(wanted.build.timeout.total_seconds()), 1),
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": {
                "rules": [
                    {
                        "action": "Ignore",
                        "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
                    }
                ]
            },
            "template": pod,
        },
    )


def _pod(owner: Owner, plan: BuildPlan, *, wanted: spec.Spec, operator: settings.Settings) -> Body:
    volumes = _volumes(plan, wanted)
    resources = wanted.build.resources if wanted.build.resources.canonical() else operator.build_resources
    body = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "imagePullSecrets": [{"name": plan.registry.pull_secret_name}]
        if plan.registry.pull_secret_name
        else [],
        "securityContext": {
            "runAsNonRoot": True,
            "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            filled(
                {
                    "name": CONTAINER,
                    "image": plan.runtime_image,
                    "command": list(contract.BUILD_COMMAND),
                    "env": [
                        {
                            "name": contract.BUILD_REQUEST_VARIABLE,
                            "value": _request(owner, plan, wanted, operator),
                        }
                    ],
                    "resources": filled(resources.model_dump(mode="json", by_alias=True)),
                    "terminationMessagePolicy": "FallbackToLogsOnError",
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "volumeMounts": [
                        {"name": volume["name"], "mountPath": path, "readOnly": path not in _WRITABLE}
                        for path, volume in volumes.items()
                    ],
                }
            )
        ],
        "volumes": list(volumes.values()),
    }
    return filled(body)


_WRITABLE = (contract.WORK_FOLDER, "/tmp")  # noqa: S108 - an emptyDir of the pod's own


def _volumes(plan: BuildPlan, wanted: spec.Spec) -> dict[str, Body]:
    """Mount path → volume."""
    credentials = wanted.model.credentials.secret_name if wanted.model.credentials else ""
    volumes: dict[str, Body] = {
        path: {"name": name, "emptyDir": {}} for path, name in zip(_WRITABLE, ("work", "tmp"), strict=True)
    }
    for path, name, secret in (
        (contract.CREDENTIALS_FOLDER, "credentials", credentials),
        (contract.PUSH_SECRET_FOLDER, "push", plan.registry.push_secret_name),
        (contract.PULL_SECRET_FOLDER, "pull", plan.registry.pull_secret_name),
    ):
        if secret:
            volumes[path] = {"name": name, "secret": {"secretName": secret}}
    if plan.registry.ca_config_map_name:
        volumes[contract.CA_FOLDER] = {"name": "ca", "configMap": {"name": plan.registry.ca_config_map_name}}
    if (source := _source_volume(wanted.model.uri)) is not None:
        volumes[contract.VOLUME_FOLDER] = source
    return volumes


def _source_volume(uri: str) -> Body | None:
    """A source that is an object of the cluster is mounted, not fetched."""
    parts = urlsplit(uri)
    if parts.scheme == "pvc":
        return {"name": "source", "persistentVolumeClaim": {"claimName": parts.netloc, "readOnly": True}}
    if parts.scheme == "configmap":
        return {"name": "source", "configMap": {"name": parts.netloc}}
    return None


def _request(owner: Owner, plan: BuildPlan, wanted: spec.Spec, operator: settings.Settings) -> str:
    return contract.BuildRequest(
        namespace=owner.namespace,
        name=owner.name,
        build_id=plan.build_id,
        uri=wanted.model.uri,
        runtime_image=plan.runtime_image,
        repository=plan.registry.repository,
        pull_repository=plan.registry.pull_repository,
        runtime=plan.runtime,
        format=wanted.model.format or "",
        digest=wanted.model.digest,
        allow_pickle=wanted.model.allow_pickle,
        plain_http=operator.plain_http,
    ).to_json()
