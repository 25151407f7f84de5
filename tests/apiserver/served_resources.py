"""The resources that a fake API server serves, and the properties of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from seatrial.api import kinds
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body
from tests.apiserver import merge_schema
from tests.apiserver.merge_schema import MergeSchema


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """The dotted paths of the fields that the /scale subresource shows."""

    spec_replicas: str = "spec.replicas"
    status_replicas: str = "status.replicas"
    selector: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """One served resource."""

    kind: Kind
    status: bool = False
    """Whether it has a status subresource."""
    scale: ScalePaths | None = None
    generation: bool = False
    """Whether its generation counts changes of its spec."""
    annotations_count: bool = False
    """Whether its generation also counts changes of its annotations."""
    needs_version: bool = False
    """Whether a PUT without a resourceVersion is rejected."""
    custom: bool = False
    schema: MergeSchema = field(default=merge_schema.BUILT_IN)


_DEPLOYMENT_SCALE: Final = ScalePaths(selector="spec.selector")
_BUILT_IN: Final = (
    Resource(kinds.POD, status=True, generation=True),
    Resource(kinds.SERVICE, status=True),
    Resource(kinds.CONFIG_MAP),
    Resource(kinds.SECRET),
    Resource(kinds.EVENT),
    Resource(kinds.SERVICE_ACCOUNT),
    Resource(kinds.RESOURCE_QUOTA, status=True),
    Resource(kinds.NAMESPACE, status=True),
    Resource(kinds.DEPLOYMENT, status=True, scale=_DEPLOYMENT_SCALE, generation=True, annotations_count=True),
    Resource(kinds.REPLICA_SET, status=True, scale=_DEPLOYMENT_SCALE, generation=True),
    Resource(kinds.CONTROLLER_REVISION),
    Resource(kinds.JOB, status=True, generation=True),
    Resource(kinds.HPA, status=True),
    Resource(kinds.PDB, status=True, generation=True, needs_version=True),
    Resource(kinds.LEASE, needs_version=True),
    Resource(kinds.ENDPOINT_SLICE, generation=True),
    Resource(kinds.CRD, status=True, generation=True, needs_version=True),
    Resource(kinds.VALIDATING_ADMISSION_POLICY_BINDING, generation=True, needs_version=True),
)


class ServedResources:
    """The resources served now: the built-in ones and those of the created CustomResourceDefinitions."""

    def __init__(self) -> None:
        self._served = {(r.kind.group, r.kind.version, r.kind.plural): r for r in _BUILT_IN}

    def add(self, resource: Resource) -> None:
        """Serve a resource."""
        kind = resource.kind
        self._served[kind.group, kind.version, kind.plural] = resource

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """Return the resource of these names, or None."""
        return self._served.get((group, version, plural))

    def of(self, kind: Kind) -> Resource:
        """Return the resource of `kind`; raise `KeyError` when it is not served."""
        return self._served[kind.group, kind.version, kind.plural]

    def owner_kind(self, reference: Body) -> Kind | None:
        """Return the kind that an owner reference names."""
        names = (reference.get("apiVersion"), reference.get("kind"))
        served = (r.kind for r in self._served.values())
        return next((kind for kind in served if (kind.api_version, kind.kind) == names), None)


def from_crd(crd: Body) -> list[Resource]:
    """Return the resources of a CustomResourceDefinition."""
    return [
        _of_version(crd["spec"], version)
        for version in crd["spec"]["versions"]
        if version.get("served", True)
    ]


def _of_version(spec: Body, version: Body) -> Resource:
    names = spec["names"]
    subresources = version.get("subresources") or {}
    scale = subresources.get("scale")
    openapi_schema = (version.get("schema") or {}).get("openAPIV3Schema") or {}
    return Resource(
        Kind(spec["group"], version["name"], names["plural"], names["kind"], spec["scope"] == "Namespaced"),
        status="status" in subresources,
        scale=_scale_paths(scale) if scale else None,
        generation=True,
        needs_version=True,
        custom=True,
        schema=merge_schema.from_openapi(openapi_schema),
    )


def _scale_paths(scale: Body) -> ScalePaths:
    return ScalePaths(
        scale["specReplicasPath"].lstrip("."),
        scale["statusReplicasPath"].lstrip("."),
        scale.get("labelSelectorPath", "").lstrip("."),
    )
