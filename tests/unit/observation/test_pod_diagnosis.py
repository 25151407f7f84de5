"""What the status of pods, as the kubelet writes it, means for their track."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from model_runtime import contract
from seatrial.api import names, reasons
from seatrial.api.objects import Body
from seatrial.core.snapshot import Track
from seatrial.observation import pod_diagnosis, tracks
from seatrial.observation.observed import Observed
from tests.builders import NEW, OLD

Reason = reasons.Reason
AT = "2026-11-21T12:00:07Z"
FINISHED_AT = datetime(2026, 11, 21, 12, 0, 7, tzinfo=UTC)


def pod(name: str = "p-1", *, revision: str = NEW, head: Body | None = None, **status: Any) -> Body:
    """Return a server pod with this status; `head`: more of its metadata."""
    labels = {names.LABEL_SERVER: "churn", names.LABEL_REVISION: revision}
    return {"metadata": {"name": name, "labels": labels, **(head or {})}, "status": status}


def container(*, restarts: int = 0, name: str = "server", **states: Any) -> list[Body]:
    """Return the statuses of a pod with one container."""
    return [{"name": name, "restartCount": restarts, "ready": False, **states}]


def terminated(code: int, reason: str = "Error", message: str = "", at: str = AT) -> Body:
    """Return the state of a container that exited."""
    return {"terminated": {"exitCode": code, "reason": reason, "message": message, "finishedAt": at}}


def waiting(reason: str, message: str = "") -> Body:
    """Return the state of a container that does not run yet."""
    return {"waiting": {"reason": reason, "message": message}}


def back_off(last: Body) -> Body:
    """Return the status of a pod whose container exited once and waits for its restart."""
    return {"containerStatuses": container(restarts=1, state=BACK_OFF, lastState=last)}


def condition(kind: str, status: str, reason: str = "", message: str = "") -> list[Body]:
    """Return the conditions of an object that has one of this `kind`."""
    return [{"type": kind, "status": status, "reason": reason, "message": message}]


READY = condition("Ready", "True")
DELETED = {"deletionTimestamp": AT}
BACK_OFF = waiting("CrashLoopBackOff", "back-off 10s restarting failed container=server")
REPORT = contract.Exit(reason="ModelLoadFailed", message="the model needs scikit-learn 1.4").to_json()

DIAGNOSES = [
    pytest.param({"phase": "Pending"}, None, id="a pod without conditions"),
    pytest.param(
        {"containerStatuses": container(state=waiting("ContainerCreating"))},
        None,
        id="the container is being created",
    ),
    pytest.param({"containerStatuses": container(state={"running": {}})}, None, id="the model loads"),
    *(
        pytest.param(
            {"containerStatuses": container(state=waiting(reason, "why it waits"))},
            (Reason.IMAGE_PULL_FAILED, "why it waits"),
            id=reason,
        )
        for reason in (
            "ErrImagePull",
            "ImagePullBackOff",
            "InvalidImageName",
            "ErrImageNeverPull",
            "SignatureValidationFailed",
            "RegistryUnavailable",
            "ImageInspectError",
        )
    ),
    *(
        pytest.param(
            {"containerStatuses": container(state=waiting(reason, 'secret "keys" not found'))},
            (Reason.CONTAINER_CONFIG_ERROR, 'secret "keys" not found'),
            id=reason,
        )
        for reason in (
            "CreateContainerConfigError",
            "CreateContainerError",
            "RunContainerError",
            "PostStartHookError",
        )
    ),
    *(
        pytest.param(
            {"conditions": condition("PodScheduled", "False", reason, "0/3 nodes are available")},
            (Reason.UNSCHEDULABLE, "0/3 nodes are available"),
            id=reason,
        )
        for reason in ("Unschedulable", "SchedulingGated", "SchedulerError")
    ),
    pytest.param({"conditions": condition("PodScheduled", "True")}, None, id="a scheduled pod"),
    pytest.param(
        back_off(terminated(3)),
        (Reason.CRASH_LOOP, "container keeps exiting with code 3"),
        id="a crash loop without a log",
    ),
    pytest.param(
        back_off(terminated(1, message="a\n\nb\nc\nd\n")),
        (Reason.CRASH_LOOP, "container keeps exiting with code 1; last log lines: b / c / d"),
        id="a crash loop with its last three log lines",
    ),
    pytest.param(
        {"containerStatuses": container(restarts=1, state={"running": {}}, lastState=terminated(1))},
        None,
        id="one exit is no crash loop",
    ),
    pytest.param(
        back_off(terminated(137, "OOMKilled")),
        (Reason.OUT_OF_MEMORY, "container was OOM-killed; raise spec.serving.resources.limits.memory"),
        id="a container that was OOM-killed and waits for its restart",
    ),
    pytest.param(
        {"containerStatuses": container(state=terminated(137, "OOMKilled"))},
        (Reason.OUT_OF_MEMORY, "container was OOM-killed; raise spec.serving.resources.limits.memory"),
        id="a container that was just OOM-killed",
    ),
    pytest.param(
        back_off(terminated(1, message=REPORT)),
        (Reason.MODEL_LOAD_FAILED, "the model needs scikit-learn 1.4"),
        id="the server reports why it exits",
    ),
    pytest.param(
        back_off(terminated(1, message='{"reason": "No"}')),
        (Reason.CRASH_LOOP, 'container keeps exiting with code 1; last log lines: {"reason": "No"}'),
        id="a termination message that is no report counts as the log",
    ),
]


@pytest.mark.parametrize(("status", "expected"), DIAGNOSES)
def test_a_pod_that_is_not_ready_has_a_diagnosis(status: Body, expected: tuple[Reason, str] | None) -> None:
    diagnosis = pod_diagnosis.diagnosis_of(pod(**status))
    assert (diagnosis and (diagnosis.reason, diagnosis.message)) == expected
    assert diagnosis is None or diagnosis.pod == "p-1"


def test_the_diagnosis_of_a_container_has_its_restarts_and_its_exit_code() -> None:
    statuses = container(restarts=4, state=BACK_OFF, lastState=terminated(3))
    diagnosis = pod_diagnosis.diagnosis_of(pod(containerStatuses=statuses))
    assert diagnosis is not None
    assert (diagnosis.exit_code, diagnosis.restarts) == (3, 4)


def test_a_sidecar_whose_image_cannot_be_pulled_is_diagnosed() -> None:
    sidecar = container(name="mesh", state=waiting("ErrImagePull", "gone"))
    statuses = [*container(state={"running": {}}), *sidecar]
    diagnosis = pod_diagnosis.diagnosis_of(pod(containerStatuses=statuses))
    assert diagnosis is not None
    assert diagnosis.reason is Reason.IMAGE_PULL_FAILED


def test_a_terminating_pod_has_no_diagnosis_and_is_not_ready() -> None:
    terminating = pod(head=DELETED, conditions=READY, containerStatuses=container(state=BACK_OFF, restarts=1))
    assert pod_diagnosis.diagnosis_of(terminating) is None
    assert not pod_diagnosis.is_ready(terminating)


def test_a_long_message_is_truncated_in_the_middle_so_that_its_cause_is_kept() -> None:
    message = f"Back-off pulling image: {'x ' * 9000}: certificate signed by unknown authority"
    statuses = container(state=waiting("ErrImagePull", message))
    diagnosis = pod_diagnosis.diagnosis_of(pod(containerStatuses=statuses))
    assert diagnosis is not None
    assert (len(diagnosis.message), diagnosis.message.count("…")) == (pod_diagnosis.LONGEST_MESSAGE, 1)
    assert diagnosis.message.startswith("Back-off pulling image: ")
    assert diagnosis.message.endswith(": certificate signed by unknown authority")


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
            id="admission rejects the pods",
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


EVICTIONS = [
    ("Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ", True),
    ('Usage of EmptyDir volume "cache" exceeds the limit "1Gi". ', True),
    ('Container build exceeded its local ephemeral storage limit "500Mi". ', True),
    ("The node was low on resource: ephemeral-storage. Threshold quantity: 1Gi, available: 9Mi. ", False),
    ("The node was low on resource: memory. Container build was using 9Gi, request is 0. ", False),
    ("The node had condition: [DiskPressure]. ", False),
]


@pytest.mark.parametrize(("message", "exceeded"), EVICTIONS)
def test_an_eviction_for_the_pods_own_usage_differs_from_one_for_node_pressure(
    message: str, exceeded: bool
) -> None:
    evicted = pod(phase="Failed", reason="Evicted", message=message)
    assert pod_diagnosis.exceeded_its_limit(evicted) is exceeded
    assert pod_diagnosis.eviction_message(evicted) == message.strip().rstrip(".")
    assert not pod_diagnosis.exceeded_its_limit(pod(phase="Failed", message=message))


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
