"""What the status of pods, as the kubelet writes it, says about why they are not ready."""

from __future__ import annotations

import pytest

from model_runtime import contract
from seatrial.api.objects import Body
from seatrial.api.reasons import Reason
from seatrial.observation import pod_diagnosis
from tests.unit.observation.pods import (
    BACK_OFF,
    DELETED,
    READY,
    back_off,
    condition,
    container,
    pod,
    terminated,
    waiting,
)

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
