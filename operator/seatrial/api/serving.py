"""`spec.serving`: how the server's pods run the model."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from pydantic import Field

from seatrial.api import base, build, durations, environment, fields, podspec

OWN_LABELS: Final = ("app.kubernetes.io/name", "app.kubernetes.io/managed-by")
OWN_PREFIX: Final = "seatrial.dev/"

_LABELS_CEL: Final = (
    "!has(self.labels) || self.labels.all(key, !key.startsWith('seatrial.dev/')"
    " && key != 'app.kubernetes.io/name' && key != 'app.kubernetes.io/managed-by')"
)


class Warmup(base.SpecModel):
    """The requests that a new pod answers before it becomes ready."""

    requests: Annotated[int, Field(strict=True, ge=0, le=1000)] = 5
    """The number of requests, made from the model's example input; 0 for none."""


class Pod(base.SpecModel):
    """Fields of the server's pods, with the names and shapes of core/v1 PodSpec, except that imagePullSecrets is a list
    of names."""

    node_selector: fields.StringMap = Field(default_factory=dict)
    """Labels that a node must have."""

    tolerations: Annotated[tuple[fields.FreeObject, ...], Field(max_length=32)] = ()
    """A list of core/v1 Toleration."""

    affinity: fields.FreeObject = Field(default_factory=dict)
    """A core/v1 Affinity."""

    topology_spread_constraints: Annotated[tuple[fields.FreeObject, ...], Field(max_length=16)] = ()
    """A list of core/v1 TopologySpreadConstraint."""

    priority_class_name: fields.ObjectName = ""
    """The name of a PriorityClass. Default: the cluster's default."""

    runtime_class_name: fields.ObjectName = ""
    """The name of a RuntimeClass. Default: the node's default."""

    service_account_name: fields.ObjectName = ""
    """The name of a ServiceAccount in the same namespace; its token is not mounted. Default: default."""

    image_pull_secrets: Annotated[tuple[fields.NeededName, ...], Field(max_length=16)] = ()
    """Names of Secrets in the same namespace, in addition to that of the registry, for example `[pull]`."""

    labels: fields.StringMap = Field(default_factory=dict)
    """Labels of the pods, in addition to those that the operator sets."""

    annotations: fields.AnnotationMap = Field(default_factory=dict)
    """Annotations of the pods."""

    volumes: Annotated[tuple[podspec.Volume, ...], Field(max_length=32)] = ()
    """A list of core/v1 Volume. Each volume has exactly one of configMap, csi, downwardAPI, emptyDir, ephemeral,
    persistentVolumeClaim, projected (without serviceAccountToken) and secret."""

    volume_mounts: Annotated[tuple[podspec.VolumeMount, ...], Field(max_length=64)] = ()
    """A list of core/v1 VolumeMount of the server's container. A mount at /tmp replaces the one that the operator
    adds."""

    termination_grace_period_seconds: Annotated[int, Field(strict=True, ge=1, le=86_400)] | None = None
    """Seconds between the signal to stop and the kill. Default: long enough for serving.timeout."""

    @base.rule(
        "labels seatrial.dev/…, app.kubernetes.io/name and app.kubernetes.io/managed-by are reserved for the operator",
        cel=_LABELS_CEL,
        field="labels",
    )
    def keeps_reserved_labels(self) -> bool:
        """Return whether the labels that Services and owners select by are left alone."""
        return not any(key.startswith(OWN_PREFIX) or key in OWN_LABELS for key in self.labels)

    @base.rule(
        "every name in volumes must be unique",
        cel="!has(self.volumes) || self.volumes.all(a, self.volumes.exists_one(b, b.name == a.name))",
        field="volumes",
    )
    def has_unique_volumes(self) -> bool:
        """Return whether every name refers to one volume."""
        return len({volume["name"] for volume in self.volumes}) == len(self.volumes)

    @base.rule(
        "every mountPath in volumeMounts must be unique",
        cel="!has(self.volumeMounts)"
        " || self.volumeMounts.all(a, self.volumeMounts.exists_one(b, b.mountPath == a.mountPath))",
        field="volumeMounts",
    )
    def has_unique_mounts(self) -> bool:
        """Return whether no mount hides another."""
        return len({mount["mountPath"] for mount in self.volume_mounts}) == len(self.volume_mounts)


class Serving(base.SpecModel):
    """How the server's pods run the model. A change here creates a new revision of the same image."""

    resources: build.Resources = build.Resources()
    """Resources of the server's container. A cpu metric requires requests.cpu. Default: none."""

    env: Annotated[tuple[environment.Variable, ...], Field(max_length=128)] = ()
    """Environment variables of the server's container; every name is unique."""

    env_from: Annotated[tuple[environment.VariableSource, ...], Field(max_length=16)] = ()
    """ConfigMaps and Secrets whose keys become environment variables."""

    timeout: durations.PositiveDuration = timedelta(seconds=30)
    """How long one request may take, for example `30s`; after that the response is 504."""

    max_concurrency: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 64
    """How many requests one pod processes at the same time; the response to any more is 429, immediately."""

    warmup: Warmup = Warmup()
    """The requests that a new pod answers before it becomes ready."""

    pod: Pod = Pod()
    """Fields of the server's pods, passed on unchanged."""

    @base.rule(
        "every name in env must be unique",
        cel="!has(self.env) || self.env.all(a, self.env.exists_one(b, b.name == a.name))",
        field="env",
    )
    def has_unique_names(self) -> bool:
        """Return whether no variable hides another."""
        return len({variable.name for variable in self.env}) == len(self.env)
