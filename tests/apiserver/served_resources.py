"""Which kinds a fake API server serves, and what each of them can do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from seatrial.api import kinds
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body
from tests.apiserver import merge_schema
from tests.apiserver.merge_schema import Shapes


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """Where an object keeps what its /scale subresource shows; dotted paths."""

    wanted: str = "spec.replicas"
    present: str = "status.replicas"
    selector: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """One served kind."""

    kind: Kind
    status: bool = False
    """It has a status subresource."""
    scale: ScalePaths | None = None
    generation: bool = False
    """It counts changes of its spec."""
    annotations_count: bool = False
    """Changed annotations count as well."""
    needs_version: bool = False
    """A PUT without a resourceVersion is refused."""
    custom: bool = False
    shapes: Shapes = field(default=merge_schema.BUILT_IN)


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


class Registry:
    """The kinds served now: the built-in ones and those of the CustomResourceDefinitions made."""

    def __init__(self) -> None:
        self._served = {(r.kind.group, r.kind.version, r.kind.plural): r for r in _BUILT_IN}

    def add(self, resource: Resource) -> None:
        """`resource` is served."""
        kind = resource.kind
        self._served[kind.group, kind.version, kind.plural] = resource

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """What is served under these names."""
        return self._served.get((group, version, plural))

    def of(self, kind: Kind) -> Resource:
        """The resource of `kind`; `KeyError` when it is not served."""
        return self._served[kind.group, kind.version, kind.plural]

    def owner_kind(self, reference: Body) -> Kind | None:
        """The kind that an owner reference speaks of."""
        said = (reference.get("apiVersion"), reference.get("kind"))
        known = (r.kind for r in self._served.values())
        return next((kind for kind in known if (kind.api_version, kind.kind) == said), None)


def from_crd(crd: Body) -> list[Resource]:
    """What the server serves once `crd` is established."""
    return [
        _of_version(crd["spec"], version)
        for version in crd["spec"]["versions"]
        if version.get("served", True)
    ]


def _of_version(spec: Body, version: Body) -> Resource:
    names = spec["names"]
    sub = version.get("subresources") or {}
    scale = sub.get("scale")
    schema = (version.get("schema") or {}).get("openAPIV3Schema") or {}
    return Resource(
        Kind(spec["group"], version["name"], names["plural"], names["kind"], spec["scope"] == "Namespaced"),
        status="status" in sub,
        scale=_scale_paths(scale) if scale else None,
        generation=True,
        needs_version=True,
        custom=True,
        shapes=merge_schema.of_schema(schema),
    )


def _scale_paths(scale: Body) -> ScalePaths:
    return ScalePaths(
        scale["specReplicasPath"].lstrip("."),
        scale["statusReplicasPath"].lstrip("."),
        scale.get("labelSelectorPath", "").lstrip("."),
    )
