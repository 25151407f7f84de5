"""What a pod's status, as a kubelet writes it, means for its track."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from model_runtime import contract
from seatrial.api import names, reasons
from seatrial.api.objects import Body
from seatrial.observation import pod_diagnosis
from seatrial.observation.observed import Observed
from tests.builders import NEW, OLD

Reason = reasons.Reason
AT = "2026-11-21T12:00:07Z"
WHEN = datetime(2026, 11, 21, 12, 0, 7, tzinfo=UTC)


def pod(name: str = "p-1", *, revision: str = NEW, head: Body | None = None, **status: Any) -> Body:
    labels = {names.LABEL_SERVER: "churn", names.LABEL_REVISION: revision}
    return {"metadata": {"name": name, "labels": labels, **(head or {})}, "status": status}


def container(*, restarts: int = 0, name: str = "server", **states: Any) -> list[Body]:
    return [{"name": name, "restartCount": restarts, "ready": False, **states}]


def ended(code: int, reason: str = "Error", message: str = "", at: str = AT) -> Body:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message, "finishedAt": at}}


def waiting(reason: str, message: str = "") -> Body:
    return {"waiting": {"reason": reason, "message": message}}


def back_off(last: Body) -> Body:
    """The status of a pod whose server has ended once, and waits to be started again."""
    return {"containerStatuses": container(restarts=1, state=BACK_OFF, lastState=last)}


def condition(kind: str, status: str, reason: str = "", message: str = "") -> list[Body]:
    return [{"type": kind, "status": status, "reason": reason, "message": message}]


READY = condition("Ready", "True")
DELETED = {"deletionTimestamp": AT}
BACK_OFF = waiting("CrashLoopBackOff", "back-off 10s restarting failed container=server")
LEFT = contract.Exit(reason="ModelLoadFailed", message="the model needs scikit-learn 1.4").to_json()

TROUBLES = [
    pytest.param({"phase": "Pending"}, None, id="nobody has looked at it yet"),
    pytest.param(
        {"containerStatuses": container(state=waiting("ContainerCreating"))}, None, id="it is being created"
    ),
    pytest.param({"containerStatuses": container(state={"running": {}})}, None, id="it loads"),
    *(
        pytest.param(
            {"containerStatuses": container(state=waiting(word, "says why"))},
            (Reason.IMAGE_PULL_FAILED, "says why"),
            id=word,
        )
        for word in (
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
            {"containerStatuses": container(state=waiting(word, 'secret "keys" not found'))},
            (Reason.CONTAINER_CONFIG_ERROR, 'secret "keys" not found'),
            id=word,
        )
        for word in (
            "CreateContainerConfigError",
            "CreateContainerError",
            "RunContainerError",
            "PostStartHookError",
        )
    ),
    *(
        pytest.param(
            {"conditions": condition("PodScheduled", "False", word, "0/3 nodes are available")},
            (Reason.UNSCHEDULABLE, "0/3 nodes are available"),
            id=word,
        )
        for word in ("Unschedulable", "SchedulingGated", "SchedulerError")
    ),
    pytest.param({"conditions": condition("PodScheduled", "True")}, None, id="it has a node"),
    pytest.param(
        back_off(ended(3)),
        (Reason.CRASH_LOOP, "exits again and again, with code 3"),
        id="a crash without a word",
    ),
    pytest.param(
        back_off(ended(1, message="a\n\nb\nc\nd\n")),
        (Reason.CRASH_LOOP, "exits again and again, with code 1; its last words: b / c / d"),
        id="a crash with its last three lines",
    ),
    pytest.param(
        {"containerStatuses": container(restarts=1, state={"running": {}}, lastState=ended(1))},
        None,
        id="one exit is no loop",
    ),
    pytest.param(
        back_off(ended(137, "OOMKilled")),
        (Reason.OUT_OF_MEMORY, "killed for memory; raise spec.serving.resources.limits.memory"),
        id="memory before the loop it ends in",
    ),
    pytest.param(
        {"containerStatuses": container(state=ended(137, "OOMKilled"))},
        (Reason.OUT_OF_MEMORY, "killed for memory; raise spec.serving.resources.limits.memory"),
        id="memory, just now",
    ),
    pytest.param(
        back_off(ended(1, message=LEFT)),
        (Reason.MODEL_LOAD_FAILED, "the model needs scikit-learn 1.4"),
        id="our server says itself why it leaves",
    ),
    pytest.param(
        back_off(ended(1, message='{"reason": "No"}')),
        (Reason.CRASH_LOOP, 'exits again and again, with code 1; its last words: {"reason": "No"}'),
        id="a word that is none of ours is only a last word",
    ),
]


@pytest.mark.parametrize(("status", "trouble"), TROUBLES)
def test_the_trouble_of_a_pod_is_named(status: Body, trouble: tuple[Reason, str] | None) -> None:
    found = pod_diagnosis.pod_trouble(pod(**status))
    assert (found and (found.reason, found.message)) == trouble
    assert found is None or found.pod == "p-1"


def test_the_trouble_of_a_container_counts_its_restarts_and_names_its_exit_code() -> None:
    found = pod_diagnosis.pod_trouble(
        pod(containerStatuses=container(restarts=4, state=BACK_OFF, lastState=ended(3)))
    )
    assert found is not None
    assert (found.exit_code, found.restarts) == (3, 4)


def test_a_sidecar_that_cannot_be_pulled_is_trouble_as_well() -> None:
    both = [*container(state={"running": {}}), *container(name="mesh", state=waiting("ErrImagePull", "gone"))]
    found = pod_diagnosis.pod_trouble(pod(containerStatuses=both))
    assert found is not None
    assert found.reason is Reason.IMAGE_PULL_FAILED


def test_a_pod_that_is_told_to_go_has_no_trouble_and_gets_no_requests() -> None:
    going = pod(head=DELETED, conditions=READY, containerStatuses=container(state=BACK_OFF, restarts=1))
    assert pod_diagnosis.pod_trouble(going) is None
    assert not pod_diagnosis.is_ready(going)


def test_a_message_without_end_is_cut_before_its_cause() -> None:
    said = f"Back-off pulling image: {'x ' * 9000}: certificate signed by unknown authority"
    found = pod_diagnosis.pod_trouble(pod(containerStatuses=container(state=waiting("ErrImagePull", said))))
    assert found is not None
    assert (len(found.message), found.message.count("…")) == (pod_diagnosis.LONGEST_MESSAGE, 1)
    assert found.message.startswith("Back-off pulling image: ")
    assert found.message.endswith(": certificate signed by unknown authority")


def deployment(*conditions: Body, replicas: int = 3) -> Body:
    head = {"name": f"churn-{NEW}", "labels": {names.LABEL_REVISION: NEW}}
    return {"metadata": head, "spec": {"replicas": replicas}, "status": {"conditions": list(conditions)}}


def refused(message: str, status: str = "True") -> Body:
    return condition("ReplicaFailure", status, "FailedCreate", message)[0]


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (refused('pods "x" is forbidden: exceeded quota: small, requested: cpu=1'), Reason.QUOTA_EXCEEDED),
        (refused('pods "x" is forbidden: violates PodSecurity "restricted"'), Reason.POD_REJECTED),
        (refused("exceeded quota", status="False"), None),
    ],
)
def test_pods_that_may_not_be_made_are_the_trouble_of_their_deployment(
    one: Body, reason: Reason | None
) -> None:
    track = pod_diagnosis.track(Observed(deployments=(deployment(one),)), NEW)
    assert (track.trouble and track.trouble.reason) == reason
    assert (track.exists, track.wanted, track.pods) == (True, 3, 0)


def test_a_track_counts_its_own_serving_pods_and_tells_its_worst_trouble() -> None:
    pods = (
        pod("a", containerStatuses=container(state=waiting("ErrImagePull"))),
        pod("b", containerStatuses=container(restarts=1, state=BACK_OFF, lastState=ended(1))),
        pod("c", conditions=READY),
        pod("d", head=DELETED, conditions=READY),
        pod("evicted", phase="Failed", reason="Evicted"),
        pod("other", revision=OLD, conditions=READY),
    )
    track = pod_diagnosis.track(Observed(pods=pods, deployments=(deployment(),)), NEW)
    assert (track.pods, track.ready, track.available) == (4, 1, 1)
    assert track.trouble is not None
    assert (track.trouble.reason, track.trouble.pod) == (Reason.CRASH_LOOP, "b")


def test_trouble_of_a_pod_that_is_ready_again_is_over() -> None:
    back = pod(conditions=READY, containerStatuses=container(restarts=1, lastState=ended(137, "OOMKilled")))
    assert pod_diagnosis.track(Observed(pods=(back,)), NEW).trouble is None


EXITS = [
    pytest.param(container(state={"running": {}}), [], id="none"),
    pytest.param(container(state=ended(0, "Completed")), [], id="a clean end"),
    pytest.param(container(state=ended(2)), [(2, 1, False)], id="dead now"),
    pytest.param(container(restarts=3, lastState=ended(1)), [(1, 3, False)], id="restarted three times"),
    pytest.param(
        container(restarts=1, lastState=ended(137, "OOMKilled"), state=ended(1)),
        [(137, 1, True), (1, 1, False)],
        id="again before its restart",
    ),
    pytest.param(container(name="mesh", state=ended(1)), [], id="of a sidecar"),
]


@pytest.mark.parametrize(("statuses", "exits"), EXITS)
def test_abnormal_exits_of_the_server_are_counted(
    statuses: list[Body], exits: list[tuple[int, int, bool]]
) -> None:
    track = pod_diagnosis.track(Observed(pods=(pod(containerStatuses=statuses),)), NEW)
    assert [(e.code, e.restarts, e.out_of_memory) for e in track.exits] == exits
    assert all(e.at == WHEN for e in track.exits)


@pytest.mark.parametrize(
    "gone",
    [
        pytest.param({"head": DELETED}, id="told to go"),
        pytest.param({"reason": "NodeShutdown"}, id="its node shuts down"),
        pytest.param(
            {"conditions": condition("DisruptionTarget", "True", "EvictionByEvictionAPI")}, id="drained"
        ),
    ],
)
def test_an_end_that_the_cluster_asked_for_is_no_abnormal_exit(gone: Body) -> None:
    body = pod(containerStatuses=container(state=ended(143)), **gone)
    assert pod_diagnosis.track(Observed(pods=(body,)), NEW).exits == ()


EVICTIONS = [
    ("Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ", True),
    ('Usage of EmptyDir volume "cache" exceeds the limit "1Gi". ', True),
    ('Container build exceeded its local ephemeral storage limit "500Mi". ', True),
    ("The node was low on resource: ephemeral-storage. Threshold quantity: 1Gi, available: 9Mi. ", False),
    ("The node was low on resource: memory. Container build was using 9Gi, request is 0. ", False),
    ("The node had condition: [DiskPressure]. ", False),
]


@pytest.mark.parametrize(("message", "own"), EVICTIONS)
def test_an_eviction_for_a_pods_own_use_is_told_from_one_for_its_nodes_need(message: str, own: bool) -> None:
    body = pod(phase="Failed", reason="Evicted", message=message)
    assert pod_diagnosis.over_its_limit(body) is own
    assert pod_diagnosis.eviction_of(body) == message.strip().rstrip(".")
    assert not pod_diagnosis.over_its_limit(pod(phase="Failed", message=message))


def test_an_eviction_counts_beside_the_exits_that_the_pod_had_before_and_says_what_to_raise() -> None:
    message = 'Usage of EmptyDir volume "cache" exceeds the limit "1Gi". '
    statuses = container(restarts=2, state=ended(137), lastState=ended(1))
    body = pod(phase="Failed", reason="Evicted", message=message, containerStatuses=statuses)
    [exit_] = pod_diagnosis.track(Observed(pods=(body,)), NEW).exits
    assert (exit_.restarts, exit_.at) == (3, WHEN)
    assert exit_.eviction == 'Usage of EmptyDir volume "cache" exceeds the limit "1Gi"; raise its sizeLimit'
