"""Which registry a cluster's operator builds for, as far as a snapshot proves it: revisions are named by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from seatrial.api import model_deployment, names, settings, spec, validation
from seatrial.api.objects import Body, label_of
from seatrial.cli.inputs import Given
from seatrial.core import revision
from seatrial.core.target import Image
from seatrial.manifests import controller_revision
from seatrial.simulation import controllers, observer


class Proof(Enum):
    """How the settings that a plan is made with are known to name revisions as the cluster does."""

    NOT_NEEDED = auto()
    """The object says itself where its images are, whatever the settings."""
    GIVEN = auto()
    """By the build ids of the snapshot: they come out of no other registry."""
    NOTHING_BUILT = auto()
    """Not at all, and the snapshot has nothing that was built."""
    MISSING = auto()
    """Not at all, although the snapshot has images that were built: what they are named by is a guess."""


@dataclass(frozen=True, slots=True)
class Registry:
    """Where images are pushed, and the name by which nodes pull them where that is another."""

    repository: str
    pull_repository: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The settings to plan with, and how well they are known."""

    settings: settings.Settings
    proof: Proof


def shown_by(start: Given, assumed: settings.Settings) -> Shown:
    """The assumed settings with the registry that the snapshot proves."""
    wanted = observer.desired(start.world, start.key.name)
    if not _depends(wanted.spec):
        return Shown(settings=assumed, proof=Proof.NOT_NEEDED)
    images = tuple(image for image in _images(start, wanted) if image.build_id)
    if not images:
        return Shown(settings=assumed, proof=Proof.NOTHING_BUILT)
    made = {image.build_id for image in images}
    likely = [_with(assumed, registry) for registry in dict.fromkeys(_registries(start, images))]
    for operator in likely:
        if made & set(_build_ids(start, wanted, operator)):
            return Shown(settings=operator, proof=Proof.GIVEN)
    return Shown(settings=next(iter(likely), assumed), proof=Proof.MISSING)


def _with(assumed: settings.Settings, registry: Registry) -> settings.Settings:
    changed = assumed.registry.model_copy(
        update={"repository": registry.repository, "pull_repository": registry.pull_repository}
    )
    return assumed.model_copy(update={"registry": changed})


def _depends(wanted: spec.Spec) -> bool:
    """The settings have a say in the build id."""
    return not wanted.model.image and not wanted.build.registry.repository


def _images(start: Given, wanted: model_deployment.ModelDeployment) -> Iterator[Image]:
    """Every image that the snapshot knows of this object."""
    for body in _of(start, "ControllerRevision"):
        yield controller_revision.image_of(body)
    for track in (wanted.status.stable, wanted.status.canary):
        if track is not None:
            yield Image(reference=track.image, build_id=track.build_id)
    if wanted.status.build is not None:
        yield Image(reference=wanted.status.build.image, build_id=wanted.status.build.id)


def _registries(start: Given, images: tuple[Image, ...]) -> Iterator[Registry]:
    """What the registry may be: what builds were asked to push to, and what images are pulled from."""
    for job in _of(start, "Job"):
        try:
            asked = controllers.request_of(job)
        except (LookupError, StopIteration, TypeError, ValueError):
            continue
        yield Registry(asked.repository, asked.pull_repository)
    for image in images:
        if image.reference:
            yield Registry(image.reference.partition("@")[0])


def _build_ids(
    start: Given, wanted: model_deployment.ModelDeployment, operator: settings.Settings
) -> Iterator[str]:
    """What the object of before and that of now are built under, where the settings have a say in it."""
    for one in (_spec_before(start), wanted.spec):
        if one is not None and _depends(one):
            yield revision.build_id_of(one, start.key.namespace, operator)


def _spec_before(start: Given) -> spec.Spec | None:
    try:
        return None if start.before is None else validation.validate(spec.Spec, start.before.get("spec"))
    except validation.InvalidSpec:
        return None


def _of(start: Given, kind: str) -> Iterator[Body]:
    bodies = start.world.of(kind)
    return (b for b in bodies if label_of(b, names.LABEL_DEPLOYMENT) == start.key.name)
