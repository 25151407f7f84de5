"""What the spec of now asks for, in the words that the decisions use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from seatrial.api import model_deployment, rollout, traffic
from seatrial.core import references, revision
from seatrial.core.builds import BuildTarget
from seatrial.core.references import Reference, ReferencedData
from seatrial.core.target import Step, Target
from seatrial.observation import revisions
from seatrial.observation.observed import Observed, Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The wish, with what it was made from."""

    wish: Target
    fingerprint: str
    missing: tuple[Reference, ...] = ()
    """Objects that pods cannot start without and that are not there: no revision can be named yet."""

    @property
    def unnamed(self) -> bool:
        """No revision can be named."""
        return self.wish.refused or bool(self.missing)


def target_of(desired: model_deployment.ModelDeployment, observed: Observed, parts: Platform) -> Wanted:
    """The wish of the spec as it is now."""
    if desired.refused:
        return Wanted(wish=_rules(desired), fingerprint="")
    spec = desired.spec
    build_id = revision.build_id_of(spec, desired.key.namespace, parts.settings)
    needed = references.pod_references(spec.serving)
    fingerprint = revision.fingerprint_of(spec, build_id, _digests(needed, observed.references))
    taken = {name: revisions.fingerprint_in(body) for name, body in revisions.templates(observed).items()}
    wish = replace(
        _rules(desired),
        revision=revision.revision_of(fingerprint, taken),
        build_id=build_id,
        image=spec.model.image,
    )
    missing = tuple(r for r in needed if not r.optional and not _present(r, observed.references))
    return Wanted(wish=wish, fingerprint=fingerprint, missing=missing)


def _rules(desired: model_deployment.ModelDeployment) -> Target:
    """The rules of the rollout, without what is rolled out."""
    spec = desired.spec
    return Target(
        revision="",
        steps=tuple(Step(weight=step.weight, hold=step.hold) for step in spec.rollout.steps),
        recreate=spec.rollout.strategy is rollout.Strategy.RECREATE,
        hold_when_too_few=spec.traffic.replicas.when_too_few is traffic.WhenTooFew.HOLD,
        max_restarts=spec.rollout.max_restarts,
        progress_deadline=spec.rollout.progress_deadline,
        scale_down_delay=spec.rollout.scale_down_delay,
        history_limit=spec.rollout.history_limit,
        paused=spec.paused,
        refused=bool(desired.refused),
    )


def _digests(needed: Iterable[Reference], seen: Mapping[Reference, ReferencedData]) -> dict[str, str]:
    return {str(r): seen[r].digest for r in needed if _present(r, seen)}


def _present(reference: Reference, seen: Mapping[Reference, ReferencedData]) -> bool:
    return reference in seen and seen[reference].present


def build_target(
    desired: model_deployment.ModelDeployment, observed: Observed, parts: Platform
) -> BuildTarget:
    """The build of the spec as it is now."""
    needed = references.build_references(desired.spec, parts.settings)
    versions = [f"{r}={observed.references[r].version}" for r in needed if _present(r, observed.references)]
    return BuildTarget(
        build_id=revision.build_id_of(desired.spec, desired.key.namespace, parts.settings),
        runtime=revision.runtime_for(desired.spec, parts.settings),
        runtimes=parts.settings.runtimes,
        inputs=revision.digest_of({"versions": " ".join(versions)})[:16] if needed else "",
    )


def missing_for_build(
    desired: model_deployment.ModelDeployment, observed: Observed, parts: Platform
) -> tuple[Reference, ...]:
    """What the build Job cannot start without and is not there."""
    needed = references.build_references(desired.spec, parts.settings)
    return tuple(r for r in needed if not _present(r, observed.references))
