"""The Job that fetches a model and builds its image: restricted like the server, and without a token as well."""

from __future__ import annotations

from dataclasses import dataclass

from model_runtime import contract
from seatrial.api import build, names, settings
from seatrial.api.model import split_uri
from seatrial.api.objects import Body
from seatrial.api.owner import Owner
from seatrial.core.target import BuildTarget
from seatrial.manifests import metadata
from seatrial.manifests.server_pod import without_empty_fields

CONTAINER = "build"
KEPT_SECONDS = 3600
"""How long a finished Job and its log are kept."""
GRACE_SECONDS = 1
"""A terminated build has nothing to clean up; given time, it would continue and succeed after its deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt at the image of a revision, and the runtime that it runs on."""

    number: int
    revision: str
    runtime: str


def registry_of(spec: build.Build, operator: settings.Settings) -> build.Registry:
    """Return the object's registry, with the operator's settings where it says nothing."""
    own = spec.registry.model_dump(exclude_defaults=True)
    # what is pushed to a repository of its own is pulled from there, not from the operator's
    elsewhere = {"pull_repository": ""} if "repository" in own else {}
    return operator.registry.model_copy(update={**elsewhere, **own})


def name_of(owner: Owner, build_id: str, attempt: int) -> str:
    """Return the name of one attempt's Job."""
    return f"{owner.name}-build-{build_id}-{attempt}"


def attempt_in(name: str) -> int:
    """Return the attempt that a Job's name ends in; 0 when it ends in none."""
    number = name.rpartition("-")[2]
    return int(number) if number.isdigit() else 0


def build_job(owner: Owner, target: BuildTarget, attempt: Attempt) -> Body:
    """Return the Job of one attempt at one image."""
    labels = {names.LABEL_BUILD: target.build_id}
    pod = {
        "metadata": {"labels": {**metadata.labels(owner, attempt.revision), **labels}},
        "spec": _pod(owner, target, attempt),
    }
    return metadata.child(
        owner,
        api_version="batch/v1",
        kind="Job",
        name=name_of(owner, target.build_id, attempt.number),
        revision=attempt.revision,
        extra_labels=labels,
        spec={
            "backoffLimit": 0,
            "activeDeadlineSeconds": max(int(target.timeout.total_seconds()), 1),
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


def _pod(owner: Owner, target: BuildTarget, attempt: Attempt) -> Body:
    volumes = _volumes(target)
    pull_secret = target.registry.pull_secret_name
    return without_empty_fields(
        {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": GRACE_SECONDS,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "imagePullSecrets": [{"name": pull_secret}] if pull_secret else [],
            "securityContext": {
                "runAsNonRoot": True,
                "fsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [_container(owner, target, attempt, volumes)],
            "volumes": list(volumes.values()),
        }
    )


def _container(owner: Owner, target: BuildTarget, attempt: Attempt, volumes: dict[str, Body]) -> Body:
    request = _request(owner, target, attempt)
    return without_empty_fields(
        {
            "name": CONTAINER,
            "image": target.runtimes[attempt.runtime],
            "command": list(contract.BUILD_COMMAND),
            "env": [{"name": contract.BUILD_REQUEST_VARIABLE, "value": request}],
            "resources": without_empty_fields(target.resources.model_dump(mode="json", by_alias=True)),
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


_WRITABLE = (contract.WORK_FOLDER, "/tmp")  # noqa: S108 - an emptyDir of the pod's own


def _volumes(target: BuildTarget) -> dict[str, Body]:
    """Return the volumes by mount path."""
    credentials = target.model.credentials.secret_name if target.model.credentials else ""
    volumes: dict[str, Body] = {
        path: {"name": name, "emptyDir": {}} for path, name in zip(_WRITABLE, ("work", "tmp"), strict=True)
    }
    for path, name, secret in (
        (contract.CREDENTIALS_FOLDER, "credentials", credentials),
        (contract.PUSH_SECRET_FOLDER, "push", target.registry.push_secret_name),
        (contract.PULL_SECRET_FOLDER, "pull", target.registry.pull_secret_name),
    ):
        if secret:
            volumes[path] = {"name": name, "secret": {"secretName": secret}}
    if target.registry.ca_config_map_name:
        ca = {"name": target.registry.ca_config_map_name}
        volumes[contract.CA_FOLDER] = {"name": "ca", "configMap": ca}
    if (source := _source_volume(target.model.uri)) is not None:
        volumes[contract.VOLUME_FOLDER] = source
    return volumes


def _source_volume(uri: str) -> Body | None:
    """Return the volume of a source that is an object of the cluster: it is mounted, not fetched."""
    parts = split_uri(uri)
    if parts.scheme == "pvc":
        return {"name": "source", "persistentVolumeClaim": {"claimName": parts.netloc, "readOnly": True}}
    if parts.scheme == "configmap":
        return {"name": "source", "configMap": {"name": parts.netloc}}
    return None


def _request(owner: Owner, target: BuildTarget, attempt: Attempt) -> str:
    return contract.BuildRequest(
        namespace=owner.namespace,
        name=owner.name,
        build_id=target.build_id,
        uri=target.model.uri,
        runtime_image=target.runtimes[attempt.runtime],
        repository=target.registry.repository,
        pull_repository=target.registry.pull_repository,
        runtime=attempt.runtime,
        format=target.model.format or "",
        digest=target.model.digest,
        allow_pickle=target.model.allow_pickle,
        plain_http=target.plain_http,
        private_sources=target.private_sources,
        max_model_bytes=target.max_model_bytes,
    ).to_json()
