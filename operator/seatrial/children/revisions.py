"""The ControllerRevision of the target, and the copies of ConfigMaps that its pods read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from seatrial.api import kinds
from seatrial.api.objects import Body
from seatrial.children import comparison, diff
from seatrial.children.actions import Action, Create
from seatrial.core.decide import Decision
from seatrial.core.references import Reference, ReferenceKind, pod_references
from seatrial.core.snapshot import Bodies
from seatrial.core.state import ModelRevision
from seatrial.core.target import Image
from seatrial.core.transitions import TABLE
from seatrial.manifests import controller_revision, server_pod, workload


def copies(decision: Decision) -> Iterator[Action]:
    """Yield what creates the copies that the target's pods read, and restores lost ones."""
    revision = _unadopted(decision)
    if revision is not None:
        yield from comparison.changes(decision.snapshot, _copies(decision, revision.revision))


def record(decision: Decision) -> Iterator[Action]:
    """Yield the target's ControllerRevision, unless it exists."""
    revision = _unadopted(decision)
    if revision is not None and revision.revision not in controller_revision.by_revision(_kept(decision)):
        yield Create(_rendered(decision, revision))


def _unadopted(decision: Decision) -> ModelRevision | None:
    """Return the revision to render; None while what an earlier object of this name left has to be adopted."""
    return None if any(adoptions(decision)) else _renderable(decision)


def _kept(decision: Decision) -> Bodies:
    return decision.snapshot.children.get(kinds.CONTROLLER_REVISION.kind, ())


def adoptions(decision: Decision) -> Iterator[Action]:
    """Yield the adoption of what a lost object of this name left behind: records and copies of every revision."""
    copies = decision.snapshot.children.get(kinds.CONFIG_MAP.kind, ())
    for orphan in (*_kept(decision), *copies):
        adoption = diff.adoption(decision.target.owner.reference(), orphan)
        if adoption is not None:
            yield adoption


def _renderable(decision: Decision) -> ModelRevision | None:
    """Return the revision that runs what the spec asks for now: the only one that can be rendered."""
    if not decision.target_is_named:
        return None
    rollout, canary = decision.state.rollout, decision.state.canary
    leaving = rollout is None or TABLE[rollout.phase].is_leaving
    candidates = (decision.state.stable, None if leaving else canary)
    wanted = decision.target.revision
    return next((c for c in candidates if c is not None and c.revision == wanted), None)


def _copied(decision: Decision) -> list[Reference]:
    data = decision.snapshot.references
    needed = pod_references(decision.target.workload.serving)
    return [r for r in needed if r.holder is ReferenceKind.CONFIG_MAP and r in data and data[r].present]


def _copy_names(decision: Decision, revision: str) -> Mapping[str, str]:
    """Return the name of its copy for each ConfigMap that pods of the target read."""
    owner = decision.target.owner
    return {
        reference.name: f"{owner.child(revision)}-{number}"
        for number, reference in enumerate(_copied(decision))
    }


def _copies(decision: Decision, revision: str) -> Iterator[Body]:
    for number, reference in enumerate(_copied(decision)):
        yield workload.configuration_copy(
            decision.target.owner,
            revision,
            number=number,
            data=decision.snapshot.references[reference],
            original=reference.name,
        )


def _rendered(decision: Decision, revision: ModelRevision) -> Body:
    template = server_pod.template(
        decision.target.owner,
        revision.revision,
        workload=decision.target.workload,
        image=revision.image,
        copies=_copy_names(decision, revision.revision),
    )
    image = Image(
        reference=revision.image,
        build_id=revision.build_id,
        model_digest=revision.model_digest,
        format=revision.format,
        source_uri=revision.source_uri,
        source_version=revision.source_version,
        built_at=revision.built_at,
    )
    number = 1 + max(map(controller_revision.number_of, _kept(decision)), default=0)
    return controller_revision.render(
        decision.target.owner,
        revision.revision,
        template=template,
        image=image,
        fingerprint=decision.target.fingerprint,
        number=number,
    )


def template_of(decision: Decision, revision: str) -> Body | None:
    """Return the pod template as it was rendered once, or as it is about to be kept."""
    kept = controller_revision.by_revision(_kept(decision)).get(revision)
    if kept is not None:
        return controller_revision.template_of(kept)
    renderable = _renderable(decision)
    if renderable is None or renderable.revision != revision:
        return None
    return controller_revision.template_of(_rendered(decision, renderable))
