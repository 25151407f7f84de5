"""What the API server is asked before anything is created: whether it takes the parts that a spec passes on unchanged.

Kubernetes' own types are not in our schema. A field that they do not have, or a value that they do not permit, would
be found after a build, or only when a Deployment has to be repaired.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from seatrial.api import conditions, model_deployment, reasons
from seatrial.api.build import Resources
from seatrial.api.objects import Body
from seatrial.api.owner import Owner
from seatrial.api.scaling import Scaling
from seatrial.api.serving import Pod, Serving
from seatrial.core.target import Workload
from seatrial.manifests import job, server_pod, workload
from seatrial.manifests.spec_paths import FieldProblem, in_terms_of_spec
from seatrial.observation.observed import Observed, Platform

ModelDeployment = model_deployment.ModelDeployment
_REVISION: Final = "0" * 10
"""The name of the revision is not known yet, and neither is the image of a model that has to be built."""
_IMAGE: Final = "unknown"
_MOST_PROBLEMS: Final = 3


def dry_runs(deployment: ModelDeployment, platform: Platform) -> tuple[Body, ...]:
    """Return the objects to ask about; none for a spec that was accepted before or passes nothing on."""
    if deployment.refused or deployment.deleting or _is_accepted(deployment):
        return ()
    return tuple(_rendered(deployment, platform))


def refused_by_cluster(deployment: ModelDeployment, observed: Observed) -> ModelDeployment:
    """Return the object, invalid where the API server rejects what its spec passes on."""
    if deployment.refused or not observed.problems:
        return deployment
    paused = deployment.spec.model_copy(update={"paused": True})
    return replace(deployment, spec=paused, refused=_sentence(observed.problems))


def _is_accepted(deployment: ModelDeployment) -> bool:
    """Return whether a pass has stored a status for this spec, and did not find it invalid."""
    stalled = deployment.status.condition(conditions.ConditionType.STALLED)
    was_invalid = stalled is not None and stalled.reason == reasons.Reason.INVALID_SPEC
    return deployment.status.observed_generation == deployment.generation and not was_invalid


def _rendered(deployment: ModelDeployment, platform: Platform) -> Iterator[Body]:
    key, spec = deployment.key, deployment.spec
    owner = Owner(namespace=key.namespace, name=key.name, uid=deployment.uid)
    if _passes_on_pods(spec.serving):
        wanted = Workload(
            serving=spec.serving,
            scaling=spec.scaling,
            pull_secret_name=job.registry_of(spec.build, platform.settings).pull_secret_name,
            image_is_given=bool(spec.model.image),
        )
        image = spec.model.image or _IMAGE
        template = server_pod.template(owner, _REVISION, workload=wanted, image=image, copies={})
        rendered = workload.deployment(owner, _REVISION, template)
        yield {**rendered, "spec": {**rendered["spec"], "replicas": 0}}
    if _passes_on_scaling(spec.scaling):
        yield workload.autoscaler(
            owner, _REVISION, scaling=spec.scaling, floor=spec.scaling.floor, may_shrink=True
        )


def _passes_on_pods(serving: Serving) -> bool:
    return bool(serving.env or serving.env_from) or serving.resources != Resources() or serving.pod != Pod()


def _passes_on_scaling(scaling: Scaling) -> bool:
    return bool(scaling.behavior) or any(metric.raw is not None for metric in scaling.metrics)


def _sentence(problems: tuple[FieldProblem, ...]) -> str:
    own = server_pod.OWN_VARIABLES
    shown = [str(in_terms_of_spec(problem, own_variables=own)) for problem in problems[:_MOST_PROBLEMS]]
    more = len(problems) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")
