"""Tracks: the pods of a revision, their abnormal exits, and a diagnosis in the names that the spec uses."""

from __future__ import annotations

import pytest

from seatrial.api import names
from seatrial.api.objects import Body
from seatrial.api.reasons import Reason
from seatrial.core.snapshot import Track
from seatrial.manifests import workload
from seatrial.observation import tracks
from seatrial.observation.observed import Observed
from tests.builders import NEW, OLD
from tests.unit.observation.pods import (
    BACK_OFF,
    DELETED,
    FINISHED_AT,
    READY,
    condition,
    container,
    pod,
    terminated,
    waiting,
)


def deployment(*conditions: Body, replicas: int = 3) -> Body:
    """Return the Deployment of NEW."""
    head = {"name": f"churn-{NEW}", "labels": {names.LABEL_REVISION: NEW}}
    return {"metadata": head, "spec": {"replicas": replicas}, "status": {"conditions": list(conditions)}}


def replica_failure(message: str, status: str = "True") -> Body:
    """Return the condition of a Deployment whose pods cannot be created."""
    return condition("ReplicaFailure", status, "FailedCreate", message)[0]


def track(*pods: Body, deployments: tuple[Body, ...] = ()) -> Track:
    """Return the track of NEW."""
    return tracks.track(Observed(children={"Pod": pods, "Deployment": deployments}), NEW)


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        pytest.param(
            replica_failure('pods "x" is forbidden: exceeded quota: small, requested: cpu=1'),
            Reason.QUOTA_EXCEEDED,
            id="a quota is exceeded",
        ),
        pytest.param(
            replica_failure('pods "x" is forbidden: violates PodSecurity "restricted"'),
            Reason.POD_REJECTED,
            id="admission rejects what the pods contain",
        ),
        pytest.param(
            replica_failure('pods "x" is forbidden: error looking up service account shop/m: not found'),
            Reason.POD_CREATION_FAILED,
            id="admission misses something that may come",
        ),
        pytest.param(
            replica_failure("exceeded quota", status="False"), None, id="the condition does not hold any more"
        ),
    ],
)
def test_a_deployment_whose_pods_cannot_be_created_is_diagnosed(failure: Body, reason: Reason | None) -> None:
    without_pods = track(deployments=(deployment(failure),))
    assert (without_pods.diagnosis and without_pods.diagnosis.reason) == reason
    assert (without_pods.exists, without_pods.wanted, without_pods.pods) == (True, 3, 0)


def test_a_track_counts_the_serving_pods_of_its_revision_and_has_the_worst_diagnosis() -> None:
    pods = (
        pod("a", containerStatuses=container(state=waiting("ErrImagePull"))),
        pod("b", containerStatuses=container(restarts=1, state=BACK_OFF, lastState=terminated(1))),
        pod("c", conditions=READY),
        pod("d", head=DELETED, conditions=READY),
        pod("evicted", phase="Failed", reason="Evicted"),
        pod("other", revision=OLD, conditions=READY),
    )
    counted = track(*pods, deployments=(deployment(),))
    assert (counted.pods, counted.ready, counted.available) == (4, 1, 1)
    assert counted.diagnosis is not None
    assert (counted.diagnosis.reason, counted.diagnosis.pod) == (Reason.CRASH_LOOP, "b")


def test_a_pod_that_is_ready_again_has_no_diagnosis() -> None:
    statuses = container(restarts=1, lastState=terminated(137, "OOMKilled"))
    assert track(pod(conditions=READY, containerStatuses=statuses)).diagnosis is None


EXITS = [
    pytest.param(container(state={"running": {}}), [], id="a running container"),
    pytest.param(container(state=terminated(0, "Completed")), [], id="a container that exited with code 0"),
    pytest.param(
        container(state=terminated(2)), [(2, 1, False)], id="a container that exited and is not restarted yet"
    ),
    pytest.param(
        container(restarts=3, lastState=terminated(1)),
        [(1, 3, False)],
        id="a container that was restarted three times",
    ),
    pytest.param(
        container(restarts=1, lastState=terminated(137, "OOMKilled"), state=terminated(1)),
        [(137, 1, True), (1, 1, False)],
        id="a second exit before the restart",
    ),
    pytest.param(container(name="mesh", state=terminated(1)), [], id="an exit of a sidecar"),
]


@pytest.mark.parametrize(("statuses", "exits"), EXITS)
def test_abnormal_exits_of_the_server_are_counted(
    statuses: list[Body], exits: list[tuple[int, int, bool]]
) -> None:
    abnormal = track(pod(containerStatuses=statuses)).exits
    assert [(e.code, e.restarts, e.out_of_memory) for e in abnormal] == exits
    assert all(e.at == FINISHED_AT for e in abnormal)


@pytest.mark.parametrize(
    "disruption",
    [
        pytest.param({"head": DELETED}, id="the pod is terminating"),
        pytest.param({"reason": "NodeShutdown"}, id="the node shuts down"),
        pytest.param(
            {"conditions": condition("DisruptionTarget", "True", "EvictionByEvictionAPI")},
            id="the node is drained",
        ),
    ],
)
def test_an_exit_that_the_cluster_caused_is_not_abnormal(disruption: Body) -> None:
    disrupted = pod(containerStatuses=container(state=terminated(143)), **disruption)
    assert track(disrupted).exits == ()


def test_an_eviction_counts_in_addition_to_earlier_exits_and_names_the_limit_to_raise() -> None:
    message = 'Usage of EmptyDir volume "cache" exceeds the limit "1Gi". '
    statuses = container(restarts=2, state=terminated(137), lastState=terminated(1))
    (eviction,) = track(
        pod(phase="Failed", reason="Evicted", message=message, containerStatuses=statuses)
    ).exits
    assert (eviction.restarts, eviction.at) == (3, FINISHED_AT)
    assert (
        eviction.eviction == 'Usage of EmptyDir volume "cache" exceeds the limit "1Gi"; raise its sizeLimit'
    )


def config_map(number: int, *, copy_of: str = "") -> Body:
    """Return a ConfigMap of the revision; `copy_of`: the ConfigMap of the spec that it copies."""
    annotations = {workload.COPY_OF: copy_of} if copy_of else {}
    return {"metadata": {"name": f"churn-{NEW}-{number}", "annotations": annotations}}


def config_error(message: str) -> Body:
    """Return a pod whose container cannot be created for this reason."""
    return pod(containerStatuses=container(state=waiting("CreateContainerConfigError", message)))


def message_of(**children: tuple[Body, ...]) -> str:
    """Return the message of the diagnosis of NEW, whose children these are by kind."""
    diagnosis = tracks.tracks(Observed(children=children))[NEW].diagnosis
    assert diagnosis is not None
    return diagnosis.message


def test_a_diagnosis_names_the_config_map_of_the_spec_instead_of_its_copy() -> None:
    message = f"couldn't find key a in ConfigMap shop/churn-{NEW}-0"
    config_maps = (config_map(0, copy_of="limits"), config_map(1))
    shown = message_of(Pod=(config_error(message),), ConfigMap=config_maps)
    assert shown == "couldn't find key a in ConfigMap shop/limits"


def test_a_pod_whose_name_begins_like_a_copy_keeps_its_name() -> None:
    message = f'pods "churn-{NEW}-2b5c9" is forbidden: exceeded quota; ConfigMap "churn-{NEW}-2"'
    config_maps = (config_map(0, copy_of="limits"), config_map(2, copy_of="more"))
    shown = message_of(Deployment=(deployment(replica_failure(message)),), ConfigMap=config_maps)
    assert shown == f'pods "churn-{NEW}-2b5c9" is forbidden: exceeded quota; ConfigMap "more"'


def test_a_track_without_a_diagnosis_is_the_same_with_and_without_copies() -> None:
    starting = {"Pod": (pod(),)}
    with_copies = {**starting, "ConfigMap": (config_map(0, copy_of="limits"),)}
    assert tracks.tracks(Observed(children=with_copies)) == tracks.tracks(Observed(children=starting))
