"""Simulated server pods: their names and labels, when they become ready, and which are deleted first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from seatrial.api import names, status_fields
from seatrial.manifests import server
from seatrial.observation import pod_diagnosis
from seatrial.simulation import server_pods
from tests.golden import pods as pod_states
from tests.unit.simulation.objects import NOON, Body

MINUTE = timedelta(minutes=1)
REVISION = "aaaaaaaaaa"


def deployment(replicas: int | None = 2, revision: str = REVISION, **status: Any) -> Body:
    labels = {names.LABEL_REVISION: revision, names.LABEL_SERVER: "churn"}
    spec: Body = {"template": {"metadata": {"labels": labels}}}
    return {
        "kind": "Deployment",
        "metadata": {"name": f"churn-{revision}", "namespace": "shop", "uid": "d", "labels": labels},
        "spec": spec if replicas is None else {**spec, "replicas": replicas},
        "status": status,
    }


def new_pods(count: int, *existing: Body, revision: str = REVISION) -> tuple[Body, ...]:
    return server_pods.new_pods(deployment(revision=revision), existing, now=NOON, count=count)


def names_of(pods: tuple[Body, ...] | list[Body]) -> list[str]:
    return [pod["metadata"]["name"] for pod in pods]


def ready(pod: Body) -> Body:
    return server_pods.pod_at(pod, NOON, timedelta(0))


def test_new_pods_have_the_labels_of_their_template_and_are_not_ready() -> None:
    (pod,) = new_pods(1)
    assert pod["metadata"]["labels"] == deployment()["spec"]["template"]["metadata"]["labels"]
    assert pod["metadata"]["ownerReferences"] == [{"kind": "Deployment", "uid": "d"}]
    assert not pod_diagnosis.is_ready(pod)


@pytest.mark.parametrize("count", [-2, 0])
def test_no_pods_are_created_if_none_is_missing(count: int) -> None:
    assert new_pods(count) == ()


def test_new_pods_get_unused_names() -> None:
    first = new_pods(3)
    assert names_of(first) == [f"churn-{REVISION}-{n}" for n in (1, 2, 3)]
    assert names_of(new_pods(2, first[0], first[2])) == [f"churn-{REVISION}-{n}" for n in (2, 4)]


def test_a_deployment_has_the_server_pods_of_its_revision_only() -> None:
    ours, others = new_pods(2), new_pods(2, revision="bbbbbbbbbb")
    build_pod = {"metadata": {"name": "b", "labels": {names.LABEL_REVISION: REVISION}}}
    assert server_pods.pods_of((*others, build_pod, *ours), deployment()) == ours
    assert server_pods.orphaned_pods((*others, build_pod, *ours), (deployment(),)) == others


def test_unready_pods_are_deleted_first_and_then_the_newest() -> None:
    old, new, unready = new_pods(3)
    old["metadata"]["creationTimestamp"] = status_fields.format_time(NOON - MINUTE)
    order = server_pods.deletion_order((ready(old), ready(new), unready))
    assert names_of(order) == names_of([unready, new, old])


@pytest.mark.parametrize(
    ("replicas", "ready_replicas", "readiness"),
    [
        pytest.param(3, 2, [True, True, False], id="some are ready"),
        pytest.param(None, 1, [True], id="one by default"),
        pytest.param(0, 0, [], id="none"),
    ],
)
def test_pods_from_counts_follow_the_replicas_of_the_deployment(
    replicas: int | None, ready_replicas: int, readiness: list[bool]
) -> None:
    pods = server_pods.pods_from_counts(deployment(replicas, readyReplicas=ready_replicas), NOON)
    assert [pod_diagnosis.is_ready(pod) for pod in pods] == readiness


def test_a_pod_becomes_ready_after_its_start_time_and_not_before() -> None:
    (pod,) = new_pods(1)
    time = NOON + MINUTE
    assert server_pods.ready_time(pod, MINUTE) == time
    assert server_pods.pod_at(pod, time - timedelta(seconds=1), MINUTE) == pod
    assert pod_diagnosis.is_ready(server_pods.pod_at(pod, time, MINUTE))


def _terminating(pod: Body) -> Body:
    return {**pod, "metadata": {**pod["metadata"], "deletionTimestamp": "2026-11-21T12:00:00Z"}}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(ready, id="ready"),
        pytest.param(pod_states.crashing, id="crashing"),
        pytest.param(pod_states.unable_to_pull, id="image not pulled"),
        pytest.param(pod_states.without_a_node, id="unschedulable"),
        pytest.param(pod_states.not_ready, id="started but not ready"),
        pytest.param(_terminating, id="terminating"),
        pytest.param(lambda pod: {**pod, "metadata": {**pod["metadata"], "labels": {}}}, id="no server pod"),
        pytest.param(
            lambda pod: {**pod, "metadata": {**pod["metadata"], "creationTimestamp": None}},
            id="no creation time",
        ),
    ],
)
def test_only_a_starting_server_pod_changes_by_itself(change: Any) -> None:
    (pod,) = new_pods(1)
    pod = change(pod)
    assert server_pods.ready_time(pod, MINUTE) is None
    assert server_pods.pod_at(pod, NOON + 10 * MINUTE, MINUTE) == pod


def test_a_simulated_pod_has_the_container_that_the_operator_observes() -> None:
    (pod,) = new_pods(1)
    assert pod_diagnosis.container_status(ready(pod), server.CONTAINER)["ready"]
