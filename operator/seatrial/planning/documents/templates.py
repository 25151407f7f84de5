"""What a revision is: its kept template and the copies of ConfigMaps that its pods read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from seatrial.api import status as api
from seatrial.core import references
from seatrial.core.moves import Phase
from seatrial.core.wish import Image
from seatrial.manifests import job, server, workload
from seatrial.manifests.metadata import Body
from seatrial.planning import actions, facts
from seatrial.planning.actions import Action
from seatrial.planning.documents import scenes
from seatrial.planning.documents.scenes import Scene


def changes(scene: Scene) -> Iterator[Action]:
    """The canary's copies and template are kept before its first pod."""
    canary, rollout = scene.memory.canary, scene.memory.rollout
    if canary is None or rollout is None or rollout.phase in {Phase.REJECTED, Phase.ROLLING_BACK}:
        return
    if scene.missing:
        return
    if canary.revision in facts.kept(scene.observed) or canary.revision != scene.at.wish.revision:
        return
    copies = copy_names(scene, canary.revision)
    yield from scenes.compared(scene, _copies(scene, canary.revision))
    yield actions.Create(_rendered(scene, canary, copies))


def copy_names(scene: Scene, revision: str) -> Mapping[str, str]:
    """ConfigMap → the name of its copy, of those that pods of the wanted revision read."""
    return {
        reference.name: f"{scene.owner.child(revision)}-{number}"
        for number, reference in enumerate(_copied(scene))
    }


def _copied(scene: Scene) -> list[references.Reference]:
    found = references.of_pods(scene.desired.spec.serving)
    seen = scene.observed.references
    return [r for r in found if r.holder is references.Holder.CONFIG_MAP and r in seen and seen[r].present]


def _copies(scene: Scene, revision: str) -> Iterator[Body]:
    for number, reference in enumerate(_copied(scene)):
        yield workload.configuration_copy(
            scene.owner,
            revision,
            number=number,
            seen=scene.observed.references[reference],
            origin=reference.name,
        )


def _rendered(scene: Scene, canary: api.TrackStatus, copies: Mapping[str, str]) -> Body:
    registry = job.registry_of(scene.desired.spec, scene.parts.settings)
    template = server.template(
        scene.owner,
        canary.revision,
        wanted=scene.desired.spec,
        image=canary.image,
        pull_secret=registry.pull_secret_name,
        copies=copies,
    )
    image = Image(
        reference=canary.image,
        build_id=canary.build_id,
        model_digest=canary.model_digest,
        format=canary.format,
    )
    number = 1 + max((int(r.get("revision", 0)) for r in scene.observed.revisions), default=0)
    return workload.controller_revision(
        scene.owner,
        canary.revision,
        template=template,
        image=image,
        fingerprint=scene.fingerprint,
        number=number,
    )


def template_of(scene: Scene, revision: str) -> Body | None:
    """The template as it was rendered once; as it will be kept, when this is the first pass that has it."""
    kept = facts.kept(scene.observed).get(revision)
    if kept is not None:
        template: Body = (kept.get("data") or {}).get("template") or {}
        return template
    canary = scene.memory.canary
    if canary is None or scene.missing or not canary.revision == revision == scene.at.wish.revision:
        return None
    rendered: Body = _rendered(scene, canary, copy_names(scene, revision))["data"]["template"]
    return rendered
