"""Infers the registry of a cluster's operator from a snapshot, because build ids and revisions depend on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from seatrial.api import names, settings, spec, validation
from seatrial.api.model_deployment import ModelDeployment
from seatrial.api.objects import Body, label_of
from seatrial.cli.starting_point import StartingPoint
from seatrial.core import revision
from seatrial.core.target import Image
from seatrial.manifests import controller_revision
from seatrial.simulation import build_jobs, observer


class Evidence(Enum):
    """How well the registry of a plan is known, and so the names of its revisions."""

    NOT_NEEDED = auto()
    """The registry does not matter: the spec names its image or its own registry, or the user gave the settings."""

    PROVEN = auto()
    """Build ids of the snapshot match this registry and no other."""

    NOTHING_BUILT = auto()
    """The snapshot has no image that was built, so there is no evidence and nothing to contradict."""

    GUESSED = auto()
    """The snapshot has images that were built, but no registry matches their build ids."""


@dataclass(frozen=True, slots=True)
class RegistryAddress:
    """The repository that builds push to, and the name by which nodes pull it if that differs."""

    repository: str
    pull_repository: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InferredSettings:
    """The settings to plan with, and how well their registry is known."""

    settings: settings.Settings
    evidence: Evidence


def infer_settings(start: StartingPoint, defaults: settings.Settings) -> InferredSettings:
    """Return the default settings with the registry that the snapshot proves, or with the likeliest one."""
    deployment = observer.deployment_in(start.cluster, start.key.name)
    if not _uses_operator_registry(deployment.spec):
        return InferredSettings(settings=defaults, evidence=Evidence.NOT_NEEDED)
    images = tuple(image for image in _known_images(start, deployment) if image.build_id)
    if not images:
        return InferredSettings(settings=defaults, evidence=Evidence.NOTHING_BUILT)
    known_ids = {image.build_id for image in images}
    addresses = dict.fromkeys(_candidate_addresses(start, images))
    candidates = [_with_registry(defaults, address) for address in addresses]
    for candidate in candidates:
        if known_ids & set(_build_ids(start, deployment, candidate)):
            return InferredSettings(settings=candidate, evidence=Evidence.PROVEN)
    return InferredSettings(settings=next(iter(candidates), defaults), evidence=Evidence.GUESSED)


def _with_registry(defaults: settings.Settings, address: RegistryAddress) -> settings.Settings:
    registry = defaults.registry.model_copy(
        update={"repository": address.repository, "pull_repository": address.pull_repository}
    )
    return defaults.model_copy(update={"registry": registry})


def _uses_operator_registry(deployment_spec: spec.Spec) -> bool:
    """Return whether the build id depends on the registry of the operator's settings."""
    return not deployment_spec.model.image and not deployment_spec.build.registry.repository


def _known_images(start: StartingPoint, deployment: ModelDeployment) -> Iterator[Image]:
    """Yield every image of this ModelDeployment that the snapshot contains."""
    for body in _children(start, "ControllerRevision"):
        yield controller_revision.image_of(body)
    status = deployment.status
    for track in (status.stable, status.canary):
        if track is not None:
            yield Image(reference=track.image, build_id=track.build_id)
    if status.build is not None:
        yield Image(reference=status.build.image, build_id=status.build.id)


def _candidate_addresses(start: StartingPoint, images: tuple[Image, ...]) -> Iterator[RegistryAddress]:
    """Yield the registries that builds push to, then those that images are pulled from."""
    for job in _children(start, "Job"):
        try:
            request = build_jobs.build_request_of(job)
        except (LookupError, StopIteration, TypeError, ValueError):
            continue
        yield RegistryAddress(request.repository, request.pull_repository)
    for image in images:
        if image.reference:
            yield RegistryAddress(image.reference.partition("@")[0])


def _build_ids(
    start: StartingPoint, deployment: ModelDeployment, candidate: settings.Settings
) -> Iterator[str]:
    """Yield the build ids of the spec in the snapshot and of the new spec, as far as they depend on the registry."""
    for deployment_spec in (_previous_spec(start), deployment.spec):
        if deployment_spec is not None and _uses_operator_registry(deployment_spec):
            yield revision.build_id_of(deployment_spec, start.key.namespace, candidate)


def _previous_spec(start: StartingPoint) -> spec.Spec | None:
    """Return the spec in the snapshot; None if there is none or it is invalid."""
    if start.previous is None:
        return None
    try:
        return validation.validate(spec.Spec, start.previous.get("spec"))
    except validation.InvalidSpec:
        return None


def _children(start: StartingPoint, kind: str) -> Iterator[Body]:
    bodies = start.cluster.of_kind(kind)
    return (body for body in bodies if label_of(body, names.LABEL_DEPLOYMENT) == start.key.name)
