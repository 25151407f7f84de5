"""Observes a simulated cluster as the operator observes a real one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from seatrial.api import kinds as api_kinds
from seatrial.api import names
from seatrial.api.model_deployment import ModelDeployment, parse_leniently
from seatrial.api.objects import Body, label_of
from seatrial.core import revision
from seatrial.core.evidence.samples import NO_SAMPLES
from seatrial.core.references import Reference, ReferencedData, ReferenceKind
from seatrial.observation.autoscalers import foreign_autoscalers
from seatrial.observation.observed import Observed, Platform
from seatrial.observation.questions import questions
from seatrial.simulation.cluster import SimulatedCluster
from seatrial.simulation.requests import samples
from seatrial.simulation.server_pods import server_pods


def deployment_in(cluster: SimulatedCluster, name: str) -> ModelDeployment:
    """Return the parsed ModelDeployment `name`."""
    return parse_leniently(cluster.objects[(names.KIND, name)])


def observe(
    cluster: SimulatedCluster, deployment: ModelDeployment, platform: Platform, *, now: datetime | None = None
) -> Observed:
    """Return what a pass over one ModelDeployment observes at `now`; without a time, no metrics."""
    name = deployment.key.name

    def children(kind: str) -> tuple[Body, ...]:
        return tuple(body for body in cluster.of_kind(kind) if label_of(body, names.LABEL_DEPLOYMENT) == name)

    deployments = () if deployment.spec.scaling.autoscaled else children(api_kinds.DEPLOYMENT.kind)
    others = foreign_autoscalers(deployments, cluster.of_kind(api_kinds.HPA.kind), uid=deployment.uid)
    decisions = (
        body for body in cluster.of_kind(names.DECISION_KIND) if body["spec"].get("deployment") == name
    )
    asked = questions(deployment, platform)
    measured = asked.measurement if now is not None else None
    known = {kind for kind, _ in cluster.objects} - {names.KIND, names.DECISION_KIND}
    return Observed(
        children={**{kind: children(kind) for kind in known}, names.DECISION_KIND: tuple(decisions)},
        references={reference: _referenced_data(cluster, reference) for reference in asked.references},
        samples=NO_SAMPLES
        if measured is None or now is None
        else samples(server_pods(children(api_kinds.POD.kind)), measured, now),
        decisions_trusted=True,
        foreign_autoscalers=others,
    )


def missing_references(cluster: SimulatedCluster, references: Iterable[Reference]) -> tuple[Reference, ...]:
    """Return the references to objects that the cluster does not have.

    `observe` assumes that these objects exist and are empty; if they are optional, that they do not exist.
    """
    return tuple(ref for ref in references if cluster.get(str(ref.holder), ref.name) is None)


def _referenced_data(cluster: SimulatedCluster, reference: Reference) -> ReferencedData:
    body = cluster.get(str(reference.holder), reference.name)
    if body is None:
        return ReferencedData(present=not reference.optional, digest=revision.digest_of({}))
    data, binary_data = body.get("data") or {}, body.get("binaryData") or {}
    secret = reference.holder is ReferenceKind.SECRET
    return ReferencedData(
        present=True,
        digest=revision.digest_of({**data, **{f"binary:{key}": value for key, value in binary_data.items()}}),
        version=str(body["metadata"].get("resourceVersion", "")),
        data={} if secret else data,
        binary_data={} if secret else binary_data,
    )
