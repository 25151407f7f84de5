"""The simulated cluster is observed as the operator observes a real one."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.api import names
from seatrial.cli.starting_point import starting_point
from seatrial.core.references import Reference, ReferenceKind
from seatrial.observation.observed import Observed
from seatrial.observation.questions import questions
from seatrial.simulation import observer
from seatrial.simulation.cluster import SimulatedCluster
from tests.builders import NOW, PARTS
from tests.unit.cli.commands import model_deployment

Body = dict[str, Any]
READS = {
    "env": [
        {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "optional", "key": "a", "optional": True}}},
        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "b"}}},
    ]
}


def cluster_with(*bodies: Body, **spec: Any) -> SimulatedCluster:
    """Return a cluster of these objects in which a ModelDeployment has just been applied."""
    return starting_point(model_deployment(**spec), (), NOW).cluster.with_objects(*bodies)


def observe(*bodies: Body, **spec: Any) -> Observed:
    """Return what a pass over the ModelDeployment observes."""
    cluster = cluster_with(*bodies, **spec)
    return observer.observe(cluster, observer.deployment_in(cluster, "churn"), PARTS)


def body(kind: str, name: str, *, owner: str = "churn", **more: Any) -> Body:
    """Return an object that is a child of the ModelDeployment `owner`, if that is not empty."""
    labels = {names.LABEL_DEPLOYMENT: owner} if owner else {}
    metadata = {"name": name, "namespace": "shop", "labels": labels, **more.pop("metadata", {})}
    return {"kind": kind, "metadata": metadata, **more}


@pytest.mark.parametrize(
    "kind",
    [
        "Deployment",
        "Service",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "Job",
        "Pod",
        "ControllerRevision",
        "ConfigMap",
    ],
)
def test_children_are_the_objects_with_the_label(kind: str) -> None:
    ours = body(kind, "ours")
    observed = observe(ours, body(kind, "theirs", owner="other"), body(kind, "unowned", owner=""))
    assert observed.children[kind] == (ours,)


def test_decisions_are_those_about_the_model_deployment() -> None:
    ours = body(names.DECISION_KIND, "ours", owner="", spec={"deployment": "churn"})
    theirs = body(names.DECISION_KIND, "theirs", owner="", spec={"deployment": "other"})
    assert observe(ours, theirs).children[names.DECISION_KIND] == (ours,)


def test_a_missing_referenced_object_is_assumed_to_exist_unless_it_is_optional() -> None:
    references = observe(serving=READS).references
    assert {ref.name: data.present for ref, data in references.items()} == {"optional": False, "keys": True}


def test_a_reference_to_an_object_outside_the_cluster_is_missing() -> None:
    cluster = cluster_with(body("Secret", "keys", owner=""), serving=READS)
    references = questions(observer.deployment_in(cluster, "churn"), PARTS).references
    assert [ref.name for ref in observer.missing_references(cluster, references)] == ["optional"]


def _referenced_data(holder: ReferenceKind, *bodies: Body, **spec: Any) -> Any:
    references = observe(*bodies, **spec).references
    return next(data for reference, data in references.items() if reference.holder is holder)


def test_a_secret_is_observed_as_a_digest_without_its_content() -> None:
    observed = [
        _referenced_data(
            ReferenceKind.SECRET, body("Secret", "keys", owner="", data={"b": text}), serving=READS
        )
        for text in ("c2VjcmV0", "b3RoZXI=")
    ]
    assert "c2VjcmV0" not in repr(observed)
    assert observed[0].digest != observed[1].digest
    assert not observed[0].data


@pytest.mark.parametrize("field", ["data", "binaryData"])
def test_a_configmap_is_observed_with_its_content_so_that_it_can_be_copied(field: str) -> None:
    metadata, content = {"resourceVersion": "7"}, {field: {"a": "eA=="}}
    config_map = body("ConfigMap", "optional", owner="", metadata=metadata, **content)
    observed = _referenced_data(ReferenceKind.CONFIG_MAP, config_map, serving=READS)
    assert (observed.present, observed.version) == (True, "7")
    assert {"data": observed.data, "binaryData": observed.binary_data}[field] == {"a": "eA=="}


def test_data_and_binary_data_with_the_same_key_have_different_digests() -> None:
    digests = {
        _referenced_data(
            ReferenceKind.CONFIG_MAP,
            body("ConfigMap", "optional", owner="", **{field: {"a": "eA=="}}),
            serving=READS,
        ).digest
        for field in ("data", "binaryData")
    }
    assert len(digests) == 2


def test_a_reference_is_displayed_as_kind_and_name() -> None:
    assert str(Reference(ReferenceKind.SECRET, "keys")) == "Secret keys"
