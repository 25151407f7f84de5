"""Looks at a simulated world as the operator would look at a cluster."""

from __future__ import annotations

from collections.abc import Iterable

from seatrial.api import model_deployment, names
from seatrial.api.objects import Body, label_of
from seatrial.core import revision
from seatrial.core.references import Reference, ReferencedData, ReferenceKind
from seatrial.observation.observed import Observed, Platform, questions
from seatrial.simulation.cluster import World


def desired(world: World, name: str) -> model_deployment.ModelDeployment:
    """The ModelDeployment as it stands in the world."""
    return model_deployment.parse_leniently(world.objects[(names.KIND, name)])


def observed(world: World, wanted: model_deployment.ModelDeployment, parts: Platform) -> Observed:
    """What a pass over one ModelDeployment sees."""
    name = wanted.key.name

    def ours(kind: str) -> tuple[Body, ...]:
        return tuple(b for b in world.of(kind) if label_of(b, names.LABEL_DEPLOYMENT) == name)

    asked = questions(wanted, parts).references
    about = (d for d in world.of(names.DECISION_KIND) if d["spec"].get("deployment") == name)
    others = {kind for kind, _ in world.objects} - {names.KIND, names.DECISION_KIND}
    return Observed(
        children={**{kind: ours(kind) for kind in others}, names.DECISION_KIND: tuple(about)},
        references={reference: _reference(world, reference) for reference in asked},
        decisions_trusted=True,
    )


def unknown(world: World, asked: Iterable[Reference]) -> tuple[Reference, ...]:
    """The referenced objects that the world does not have: taken to be there and empty, optional ones to be missing."""
    return tuple(r for r in asked if world.get(str(r.holder), r.name) is None)


def _reference(world: World, reference: Reference) -> ReferencedData:
    body = world.get(str(reference.holder), reference.name)
    if body is None:
        return ReferencedData(present=not reference.optional, digest=revision.digest_of({}))
    data, binary = body.get("data") or {}, body.get("binaryData") or {}
    secret = reference.holder is ReferenceKind.SECRET
    return ReferencedData(
        present=True,
        digest=revision.digest_of({**data, **{f"binary:{key}": value for key, value in binary.items()}}),
        version=str(body["metadata"].get("resourceVersion", "")),
        data={} if secret else data,
        binary_data={} if secret else binary,
    )
