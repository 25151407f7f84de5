"""What a revision is: its kept template and the copies of ConfigMaps that its pods read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from seatrial.api import status as api
from seatrial.api.objects import Body
from seatrial.children import actions, context, diff
from seatrial.children.actions import Action
from seatrial.children.context import Scene
from seatrial.core import references
from seatrial.core.target import Image
from seatrial.core.transitions import Phase
from seatrial.manifests import job, server, workload
from seatrial.observation import revisions


def changes(scene: Scene) -> Iterator[Action]:
    """The copies and the template of the wanted revision are kept before its first pod, and made again if lost."""
    orphans = [*_orphans(scene)]
    yield from orphans
    track = None if orphans else _of_the_wish(scene)
    if track is None:
        return
    yield from context.compared(scene, _copies(scene, track.revision))
    if track.revision not in revisions.templates(scene.observed):
        yield actions.Create(_rendered(scene, track, copy_names(scene, track.revision)))


def _orphans(scene: Scene) -> Iterator[Action]:
    """What a lost object of this name has left is ours: templates and copies of every revision."""
    for left in (*scene.observed.revisions, *scene.observed.copies):
        adopted = diff.adoption(scene.owner.reference(), left)
        if adopted is not None:
            yield adopted


def _of_the_wish(scene: Scene) -> api.TrackStatus | None:
    """The track that runs what the spec asks for now: the only one that can be rendered."""
    if scene.unnamed:
        return None
    rollout, canary = scene.state.rollout, scene.state.canary
    leaving = rollout is None or rollout.phase in {Phase.REJECTED, Phase.ROLLING_BACK}
    tracks = (scene.state.stable, None if leaving else canary)
    return next((t for t in tracks if t is not None and t.revision == scene.snapshot.wish.revision), None)


def copy_names(scene: Scene, revision: str) -> Mapping[str, str]:
    """ConfigMap → the name of its copy, of those that pods of the wanted revision read."""
    return {
        reference.name: f"{scene.owner.child(revision)}-{number}"
        for number, reference in enumerate(_copied(scene))
    }


def _copied(scene: Scene) -> list[references.Reference]:
    found = references.pod_references(scene.desired.spec.serving)
    seen = scene.observed.references
    return [
        r for r in found if r.holder is references.ReferenceKind.CONFIG_MAP and r in seen and seen[r].present
    ]


def _copies(scene: Scene, revision: str) -> Iterator[Body]:
    for number, reference in enumerate(_copied(scene)):
        yield workload.configuration_copy(
            scene.owner,
            revision,
            number=number,
            seen=scene.observed.references[reference],
            origin=reference.name,
        )


def _rendered(scene: Scene, track: api.TrackStatus, copies: Mapping[str, str]) -> Body:
    registry = job.registry_of(scene.desired.spec, scene.parts.settings)
    template = server.template(
        scene.owner,
        track.revision,
        wanted=scene.desired.spec,
        image=track.image,
        pull_secret=registry.pull_secret_name,
        copies=copies,
    )
    image = Image(
        reference=track.image,
        build_id=track.build_id,
        model_digest=track.model_digest,
        format=track.format,
    )
    number = 1 + max((int(r.get("revision", 0)) for r in scene.observed.revisions), default=0)
    return workload.controller_revision(
        scene.owner,
        track.revision,
        template=template,
        image=image,
        fingerprint=scene.fingerprint,
        number=number,
    )


def template_of(scene: Scene, revision: str) -> Body | None:
    """The template as it was rendered once; as it will be kept, when this is the first pass that has it."""
    known = revisions.templates(scene.observed).get(revision)
    if known is not None:
        template: Body = (known.get("data") or {}).get("template") or {}
        return template
    track = _of_the_wish(scene)
    if track is None or track.revision != revision:
        return None
    rendered: Body = _rendered(scene, track, copy_names(scene, revision))["data"]["template"]
    return rendered
