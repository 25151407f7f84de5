"""The pod that serves a revision: restricted, read-only, without a token."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any, Final

from model_runtime import contract
from seatrial.api import serving
from seatrial.api.objects import Body
from seatrial.api.owner import Owner
from seatrial.core import references
from seatrial.core.target import Workload
from seatrial.manifests import metadata

CONTAINER = "server"
LONGEST_START_SECONDS = 24 * 3600
"""Loading is not failing: the rollout's progress deadline ends it, not the kubelet."""
OWN_VARIABLES: Final = 5
"""How many environment variables the operator sets before those of the spec, which may refer to them."""
_SCRATCH: Final = "/tmp"  # noqa: S108 - of the pod, not of this process
"""All that the container can write, with its read-only root."""


def template(
    owner: Owner, revision: str, *, workload: Workload, image: str, copies: Mapping[str, str]
) -> Body:
    """Return the pod template of one revision. `copies`: ConfigMap → the immutable copy its pods read instead."""
    pod = workload.serving.pod
    head = {
        "labels": {**pod.labels, **metadata.server_labels(owner, revision)},
        "annotations": dict(pod.annotations),
    }
    pull_secrets = (*pod.image_pull_secrets, workload.pull_secret_name)
    spec = without_empty_fields(
        {
            **_scheduling(pod),
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "imagePullSecrets": [{"name": name} for name in pull_secrets if name],
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "terminationGracePeriodSeconds": grace_seconds(workload.serving),
            "containers": [_container(owner, revision, workload=workload, image=image)],
            "volumes": [*pod.volumes, *_scratch(pod, "emptyDir", {})],
        }
    )
    rendered: Body = references.with_copies({"metadata": without_empty_fields(head), "spec": spec}, copies)
    return rendered


def grace_seconds(server: serving.Serving) -> int:
    """Return how long a terminating pod may drain and finish its slowest request."""
    chosen = server.pod.termination_grace_period_seconds
    return chosen or int(server.timeout.total_seconds()) + contract.SERVER_DRAIN_SECONDS + 10


def _scratch(pod: serving.Pod, key: str, value: Any) -> list[Body]:
    """Return the operator's own volume, or its mount; none where the user mounts another one there."""
    if any(posixpath.normpath(f"///{mount.get('mountPath')}") == _SCRATCH for mount in pod.volume_mounts):
        return []
    taken = {volume.get("name") for volume in pod.volumes}
    free = next(name for name in ("tmp", *(f"tmp-{n}" for n in range(len(taken) + 1))) if name not in taken)
    return [{"name": free, key: value}]


def _scheduling(pod: serving.Pod) -> Body:
    return {
        "nodeSelector": dict(pod.node_selector),
        "tolerations": list(pod.tolerations),
        "affinity": pod.affinity,
        "topologySpreadConstraints": list(pod.topology_spread_constraints),
        "priorityClassName": pod.priority_class_name,
        "runtimeClassName": pod.runtime_class_name,
        "serviceAccountName": pod.service_account_name,
    }


def _container(owner: Owner, revision: str, *, workload: Workload, image: str) -> Body:
    server = workload.serving
    body = {
        "name": CONTAINER,
        "image": image,
        "ports": [{"name": "http", "containerPort": contract.SERVER_PORT, "protocol": "TCP"}],
        "env": [*_own_environment(owner, revision, server), *map(_as_written, server.env)],
        "envFrom": [_as_written(source) for source in server.env_from],
        "resources": without_empty_fields(server.resources.model_dump(mode="json", by_alias=True)),
        "startupProbe": _probe("/readyz", period=1, failures=LONGEST_START_SECONDS),
        "readinessProbe": _probe("/readyz", period=2, failures=2),
        "livenessProbe": _probe("/livez", period=10, failures=3),
        "lifecycle": _lifecycle(workload),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [*server.pod.volume_mounts, *_scratch(server.pod, "mountPath", _SCRATCH)],
    }
    return without_empty_fields(body)


def _lifecycle(workload: Workload) -> Body:
    """Return a delay of SIGTERM for an image that the user named: our own server drains by itself."""
    if not workload.image_is_given:
        return {}
    longest = grace_seconds(workload.serving)  # the API server rejects a longer sleep
    return {"preStop": {"sleep": {"seconds": min(contract.SERVER_DRAIN_SECONDS, longest)}}}


def _probe(path: str, *, period: int, failures: int) -> Body:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def _own_environment(owner: Owner, revision: str, server: serving.Serving) -> list[Body]:
    own = {
        contract.SERVER_NAME_VARIABLE: owner.name,
        contract.SERVER_REVISION_VARIABLE: revision,
        contract.SERVER_TIMEOUT_VARIABLE: f"{server.timeout.total_seconds():g}",
        contract.SERVER_CONCURRENCY_VARIABLE: str(server.max_concurrency),
        contract.SERVER_WARMUP_VARIABLE: str(server.warmup.requests),
    }
    return [{"name": name, "value": value} for name, value in own.items()]


def _as_written(part: Any) -> Body:
    body: Body = part.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return body


def without_empty_fields(body: Mapping[str, Any]) -> Body:
    """Return `body` without its empty fields: the API server keeps none of them.

    Only of this level: within what a user passes through, an empty map or text may be a choice (`emptyDir: {}`,
    a node selector with an empty value, a selector of all namespaces).
    """
    return {key: item for key, item in body.items() if item not in (None, "", {}, [])}
