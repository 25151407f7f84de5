"""The target: what the spec asks for now, with settings and referenced data resolved into it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from seatrial.api import kinds, model_deployment, rollout, scaling
from seatrial.api.owner import Owner
from seatrial.core import revision
from seatrial.core.evidence.checks import check_of
from seatrial.core.references import Reference, ReferencedData, build_references, pod_references
from seatrial.core.state import RolloutState
from seatrial.core.target import BuildTarget, Step, Target, Workload
from seatrial.core.transitions import at_rest
from seatrial.manifests import controller_revision, job
from seatrial.observation.observed import Observed, Platform
from seatrial.observation.tracks import track

ModelDeployment = model_deployment.ModelDeployment


def target_of(
    deployment: ModelDeployment, observed: Observed, platform: Platform, state: RolloutState
) -> Target:
    """Return the target of the spec as it is now.

    While no revision can be named, because the spec is invalid or a reference is missing, the revision in progress
    or in service stays the target.
    """
    rules = _rules(deployment, platform)
    if deployment.refused:
        present = scaling.Scaling.model_construct(replicas=_present_replicas(deployment, observed, state))
        return replace(rules, revision=_current(state), workload=replace(rules.workload, scaling=present))
    spec = deployment.spec
    build_id = revision.build_id_of(spec, deployment.key.namespace, platform.settings)
    needed = pod_references(spec.serving)
    fingerprint = revision.fingerprint_of(spec, build_id, _digests(needed, observed.references))
    named = replace(
        rules, fingerprint=fingerprint, build=_build_target(deployment, observed, platform, build_id)
    )
    if missing(needed, observed.references):
        return replace(named, revision=_current(state))
    kept = controller_revision.by_revision(observed.of(kinds.CONTROLLER_REVISION))
    taken = {name: controller_revision.fingerprint_of(body) for name, body in kept.items()}
    return replace(
        named,
        revision=revision.revision_of(fingerprint, taken),
        build_id=build_id,
        image=spec.model.image,
    )


def _rules(deployment: ModelDeployment, platform: Platform) -> Target:
    """Return the rules of the rollout and of the pods, without the revision."""
    spec, key = deployment.spec, deployment.key
    registry = job.registry_of(spec.build, platform.settings)
    return Target(
        owner=Owner(namespace=key.namespace, name=key.name, uid=deployment.uid),
        generation=deployment.generation,
        workload=Workload(
            serving=spec.serving,
            scaling=spec.scaling,
            pull_secret_name=registry.pull_secret_name,
            image_is_given=bool(spec.model.image),
        ),
        router=platform.router,
        steps=tuple(Step(weight=step.weight, hold=step.hold) for step in spec.rollout.steps),
        checks=tuple(check_of(check) for check in spec.rollout.checks),
        false_alarm_rate=spec.rollout.false_alarm_rate,
        recreate=spec.rollout.strategy is rollout.Strategy.RECREATE,
        max_restarts=spec.rollout.max_restarts,
        progress_deadline=spec.rollout.progress_deadline,
        scale_down_delay=spec.rollout.scale_down_delay,
        history_limit=spec.rollout.history_limit,
        paused=spec.paused,
        invalid=deployment.refused,
    )


def _current(state: RolloutState) -> str:
    """Return the revision that is rolled out, or else serves."""
    if state.rollout is not None and not at_rest(state.rollout):
        return state.rollout.revision
    return "" if state.stable is None else state.stable.revision


def _present_replicas(deployment: ModelDeployment, observed: Observed, state: RolloutState) -> int:
    """Return what the autoscaler made of stable, or else what status says that stable has.

    A stable that makes room has none, and needs them back when the rollout ends: as many as the spec says at least.
    """
    floor, stored = deployment.spec.scaling.floor, deployment.status.stable
    if state.stable is None:
        return floor
    follows_cluster = observed.of(kinds.HPA) or stored is None
    present = track(observed, state.stable.revision).wanted if follows_cluster else 0
    return present or (stored.replicas if stored is not None else 0) or floor


def _build_target(
    deployment: ModelDeployment, observed: Observed, platform: Platform, build_id: str
) -> BuildTarget | None:
    spec, settings = deployment.spec, platform.settings
    if not build_id:
        return None
    needed = build_references(spec, settings)
    versions = [
        f"{reference}={observed.references[reference].version}"
        for reference in needed
        if _is_present(reference, observed.references)
    ]
    own_resources = spec.build.resources.canonical()
    return BuildTarget(
        build_id=build_id,
        runtime=revision.runtime_for(spec, settings),
        runtimes=settings.runtimes,
        inputs=revision.digest_of({"versions": " ".join(versions)})[:16] if needed else "",
        model=spec.model,
        registry=job.registry_of(spec.build, settings),
        resources=spec.build.resources if own_resources else settings.build_resources,
        timeout=spec.build.timeout,
        plain_http=settings.plain_http,
    )


def missing(needed: Iterable[Reference], data: Mapping[Reference, ReferencedData]) -> tuple[Reference, ...]:
    """Return the references that are required and do not exist."""
    return tuple(r for r in needed if not r.optional and not _is_present(r, data))


def _digests(needed: Iterable[Reference], data: Mapping[Reference, ReferencedData]) -> dict[str, str]:
    return {str(r): data[r].digest for r in needed if _is_present(r, data)}


def _is_present(reference: Reference, data: Mapping[Reference, ReferencedData]) -> bool:
    return reference in data and data[reference].present
