"""What a plan assumes about objects that the user has not shown, as lines below the timeline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from seatrial.api import rollout, spec
from seatrial.api.metadata import Key
from seatrial.cli import inputs
from seatrial.cli.infer_registry import Evidence
from seatrial.cli.plan_options import SETTINGS_COMMAND
from seatrial.cli.starting_point import StartingPoint
from seatrial.core import references
from seatrial.core.references import Reference
from seatrial.observation.observed import Platform
from seatrial.observation.questions import questions
from seatrial.simulation import observer


def registry_warning(key: Key) -> tuple[str, ...]:
    """Return the warning for a plan whose registry is guessed, and the command that gets the settings."""
    warning = (
        f"Warning: the snapshot does not prove which registry {key} is built for. Revisions may have other names in "
        "the cluster, and this plan may show a build and a rollout that would not happen there. Give the operator's "
        "settings with --settings settings.yaml; get them with:"
    )
    return warning, f"  {SETTINGS_COMMAND}"


def assumption_notes(
    start: StartingPoint,
    platform: Platform,
    evidence: Evidence,
    *,
    settings_given: bool,
    stable_assumed: bool,
) -> Iterator[str]:
    """Yield one line for each assumption about objects and settings."""
    deployment = observer.deployment_in(start.cluster, start.key.name)
    needed = questions(deployment, platform).references
    for reference in observer.missing_references(start.cluster, needed):
        yield f"Assumed: {reference} {_reference_note(reference, deployment.spec)}."
    if not settings_given and not deployment.spec.model.image:
        yield f"Assumed: the runtimes {', '.join(inputs.ASSUMED_RUNTIMES)}{_registry_note(platform, evidence)}"
    if stable_assumed and deployment.status.stable is not None:
        stable = deployment.status.stable.revision
        yield f"Assumed: {stable}, with another model and otherwise the same spec, is stable and has all its pods."
    elif start.previous is None and _has_steps(deployment.spec.rollout):
        yield "A first deployment takes no steps; use --assume-stable to see the steps of an update."


def _has_steps(rollout_spec: rollout.Rollout) -> bool:
    return bool(rollout_spec.steps) and rollout_spec.strategy is rollout.Strategy.CANARY


def _registry_note(platform: Platform, evidence: Evidence) -> str:
    """Return what is assumed about the registry, and the consequence for the names of revisions."""
    repository = platform.settings.registry.repository
    hint = "give the cluster's own with --settings."
    match evidence:
        case Evidence.NOT_NEEDED:
            return f"; {hint}"
        case Evidence.PROVEN:
            return f", and the registry {repository} from the snapshot; {hint}"
        case Evidence.GUESSED:
            return f", and, as a guess, the registry {repository}; {hint}"
        case Evidence.NOTHING_BUILT:
            return f", and a placeholder registry; revisions have other names in the cluster: {hint}"
        case _:
            assert_never(evidence)


def _reference_note(reference: Reference, deployment_spec: spec.Spec) -> str:
    """Return what is assumed about a missing object, and whether the revision's name depends on it."""
    if reference not in references.pod_references(deployment_spec.serving):
        return "exists"
    state = "does not exist, because it is optional" if reference.optional else "exists and is empty"
    return f"{state}; add it to the snapshot, because the revision's name depends on its content"
