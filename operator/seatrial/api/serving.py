"""`spec.serving`: how the server's pods run."""

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
    """What a new pod answers before it is ready."""

    requests: Annotated[int, Field(strict=True, ge=0, le=1000)] = 5
    """How many requests, made from the model's example input; 0 means none."""


class Pod(base.SpecModel):
    """What is put into the server's pods as it is. The names are those of core/v1 PodSpec, and so are the shapes, but
    for imagePullSecrets, which are names alone."""

    node_selector: fields.StringMap = Field(default_factory=dict)
    """Labels that a node must have."""

    tolerations: Annotated[tuple[fields.FreeObject, ...], Field(max_length=32)] = ()
    """A list of core/v1 Toleration."""

    affinity: fields.FreeObject = Field(default_factory=dict)
    """A core/v1 Affinity."""

    topology_spread_constraints: Annotated[tuple[fields.FreeObject, ...], Field(max_length=16)] = ()
    """A list of core/v1 TopologySpreadConstraint."""

    priority_class_name: fields.ObjectName = ""
    """A PriorityClass. Default: the cluster's."""

    runtime_class_name: fields.ObjectName = ""
    """A RuntimeClass. Default: the node's."""

    service_account_name: fields.ObjectName = ""
    """A ServiceAccount of the namespace; its token is not mounted. Default: default."""

    image_pull_secrets: Annotated[tuple[fields.NeededName, ...], Field(max_length=16)] = ()
    """Names of Secrets beside this object, besides the registry's, as `[pull]`."""

    labels: fields.StringMap = Field(default_factory=dict)
    """Labels of the pods besides the operator's own."""

    annotations: fields.AnnotationMap = Field(default_factory=dict)
    """Annotations of the pods."""

    volumes: Annotated[tuple[podspec.Volume, ...], Field(max_length=32)] = ()
    """A list of core/v1 Volume, of the kinds configMap, csi, downwardAPI, emptyDir, ephemeral, persistentVolumeClaim,
    projected (without serviceAccountToken) and secret."""

    volume_mounts: Annotated[tuple[podspec.VolumeMount, ...], Field(max_length=64)] = ()
    """A list of core/v1 VolumeMount, of the server's container. One at /tmp takes the place of the operator's own."""

    termination_grace_period_seconds: Annotated[int, Field(strict=True, ge=1, le=86_400)] | None = None
    """Seconds between the request to stop and the kill. Default: long enough for serving.timeout."""

    @base.rule(
        "labels seatrial.dev/…, app.kubernetes.io/name and app.kubernetes.io/managed-by are the operator's",
        cel=_LABELS_CEL,
        field="labels",
    )
    def own_labels_kept(self) -> bool:
        """The labels that Services select by cannot be overwritten."""
        return not any(key.startswith(OWN_PREFIX) or key in OWN_LABELS for key in self.labels)

    @base.rule(
        "every name in volumes must be there once",
        cel="!has(self.volumes) || self.volumes.all(a, self.volumes.exists_one(b, b.name == a.name))",
        field="volumes",
    )
    def volumes_once(self) -> bool:
        """A mount means one volume."""
        return len({volume["name"] for volume in self.volumes}) == len(self.volumes)

    @base.rule(
        "every mountPath in volumeMounts must be there once",
        cel="!has(self.volumeMounts)"
        " || self.volumeMounts.all(a, self.volumeMounts.exists_one(b, b.mountPath == a.mountPath))",
        field="volumeMounts",
    )
    def mounts_once(self) -> bool:
        """No mount hides another."""
        return len({mount["mountPath"] for mount in self.volume_mounts}) == len(self.volume_mounts)


class Serving(base.SpecModel):
    """How the server's pods run. A change here is a new revision of the same image."""

    resources: build.Resources = build.Resources()
    """Of the server's container. A cpu metric needs requests.cpu. Default: none."""

    env: Annotated[tuple[environment.Variable, ...], Field(max_length=128)] = ()
    """Environment variables, by name."""

    env_from: Annotated[tuple[environment.VariableSource, ...], Field(max_length=16)] = ()
    """ConfigMaps and Secrets whose keys become variables."""

    timeout: durations.PositiveDuration = timedelta(seconds=30)
    """How long one request may take, as `30s`; then it is answered 504."""

    max_concurrency: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 64
    """How many requests one pod works on at once; more are answered 429 at once."""

    warmup: Warmup = Warmup()
    """What a new pod answers before it is ready."""

    pod: Pod = Pod()
    """What is put into the pods as it is."""

    @base.rule(
        "every name in env must be there once",
        cel="!has(self.env) || self.env.all(a, self.env.exists_one(b, b.name == a.name))",
        field="env",
    )
    def names_once(self) -> bool:
        """No variable hides another."""
        return len({variable.name for variable in self.env}) == len(self.env)
