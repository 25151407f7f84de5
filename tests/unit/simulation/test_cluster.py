"""The simulated cluster as a value: what a plan's actions change, and what a snapshot becomes."""

from __future__ import annotations

import pytest

from seatrial.api import names, rollout_decision
from seatrial.children import actions
from seatrial.observation import pod_diagnosis
from seatrial.simulation import cluster
from seatrial.simulation.cluster import SimulatedCluster
from tests.unit.simulation.objects import LABELS, NOON, apply, deployment, ready_cluster


def test_a_created_object_gets_the_fields_that_the_api_server_sets() -> None:
    metadata = apply(actions.Create(deployment())).of_kind("Deployment")[0]["metadata"]
    assert (metadata["uid"], metadata["resourceVersion"]) == ("deployment-churn-aaaaaaaaaa", "1")
    assert metadata["creationTimestamp"] == "2026-11-21T12:00:00Z"


def test_create_leaves_an_existing_object_unchanged() -> None:
    before = apply(actions.Create(deployment(2)))
    assert apply(actions.Create(deployment(5)), start=before) == before


def test_apply_keeps_the_replicas_and_the_fields_that_the_api_server_sets() -> None:
    before = apply(actions.Create(deployment(4)))
    template = {"metadata": {"labels": LABELS, "annotations": {"a": "b"}}}
    body = {**deployment(), "spec": {"template": template}}
    applied = apply(actions.Apply(body), start=before).of_kind("Deployment")[0]
    assert (applied["spec"]["replicas"], applied["spec"]["template"]) == (4, template)
    assert applied["metadata"]["uid"] == "deployment-churn-aaaaaaaaaa"


def test_apply_creates_a_missing_object() -> None:
    assert apply(actions.Apply(deployment())).of_kind("Deployment") == (deployment(),)


def test_scale_changes_only_the_replicas() -> None:
    before = apply(actions.Create(deployment(2)))
    after = apply(actions.Scale(namespace="shop", name="churn-aaaaaaaaaa", replicas=7), start=before)
    (old,), (new,) = before.of_kind("Deployment"), after.of_kind("Deployment")
    assert new == {**old, "spec": {**old["spec"], "replicas": 7}}


@pytest.mark.parametrize(
    "action",
    [
        actions.Scale(namespace="shop", name="missing", replicas=7),
        actions.Delete(api_version="apps/v1", kind="Deployment", namespace="shop", name="missing", uid="u"),
        actions.AnswerDecision(
            namespace="shop",
            name="missing",
            uid="u",
            phase=rollout_decision.DecisionPhase.TAKEN,
            message="accepted",
            at=NOON,
        ),
    ],
    ids=lambda action: type(action).__name__,
)
def test_an_action_on_a_missing_object_changes_nothing(action: actions.Action) -> None:
    before = apply(actions.Create(deployment()))
    assert apply(action, start=before) == before


def test_deleting_a_deployment_deletes_its_pods() -> None:
    before = ready_cluster(deployment(2))
    delete = actions.delete_action(before.of_kind("Deployment")[0])
    assert apply(delete, start=before).objects == {}


def test_the_answer_to_a_decision_becomes_its_status() -> None:
    decision = {"kind": names.DECISION_KIND, "metadata": {"name": "d"}, "spec": {"deployment": "churn"}}
    phase = rollout_decision.DecisionPhase.TAKEN
    answer = actions.AnswerDecision(
        namespace="shop", name="d", uid="u", phase=phase, message="accepted", at=NOON
    )
    (answered,) = apply(answer, start=SimulatedCluster({}).with_objects(decision)).of_kind(
        names.DECISION_KIND
    )
    assert answered["status"] == {"phase": str(phase), "message": "accepted", "at": "2026-11-21T12:00:00Z"}


def test_a_snapshot_without_pods_gets_the_pods_that_its_deployments_count() -> None:
    body = {**deployment(3), "status": {"readyReplicas": 2}}
    snapshot = cluster.from_objects([body], NOON)
    assert [pod_diagnosis.is_ready(pod) for pod in snapshot.of_kind("Pod")] == [True, True, False]


def test_a_snapshot_with_pods_gets_no_other_pods() -> None:
    pods = ready_cluster(deployment(1)).of_kind("Pod")
    assert cluster.from_objects([deployment(3), *pods], NOON).of_kind("Pod") == pods


def test_a_cluster_does_not_share_objects_with_the_snapshot_it_is_made_from() -> None:
    body = deployment(1)
    snapshot = cluster.from_objects([body], NOON)
    snapshot.of_kind("Deployment")[0]["spec"]["replicas"] = 9
    assert body == deployment(1)
