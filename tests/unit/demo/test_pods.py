"""What keeps the demo's own pods from running, as errors."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stage import pods


def pod(*containers: dict[str, Any], phase: str = "Pending", **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "p"},
        "status": {"phase": phase, "containerStatuses": [*containers], **status},
    }


def container_status(**state: Any) -> dict[str, Any]:
    return {"name": "c", "image": "r/x:1", "state": state}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param({}, "", id="no pod"),
        pytest.param(pod(container_status(waiting={"reason": "ContainerCreating"})), "", id="starting"),
        pytest.param(pod(container_status(running={}), phase="Running"), "", id="running"),
        pytest.param(
            pod(container_status(terminated={"exitCode": 0}), phase="Succeeded"), "", id="succeeded"
        ),
        pytest.param(
            pod(container_status(waiting={"reason": "ErrImagePull", "message": "no such host"})),
            "cannot pull r/x:1: no such host",
            id="image not pulled",
        ),
        pytest.param(
            pod(container_status(waiting={"reason": "ImagePullBackOff"})),
            "ImagePullBackOff",
            id="no message",
        ),
        pytest.param(
            pod(initContainerStatuses=[container_status(waiting={"reason": "InvalidImageName"})]),
            "cannot pull r/x:1",
            id="image of an init container not pulled",
        ),
        pytest.param(
            pod(container_status(terminated={"exitCode": 1, "message": "exec format error"})),
            "exits with code 1 in the pod p: exec format error",
            id="failed container",
        ),
        pytest.param(pod(phase="Failed", reason="Evicted", message="disk"), "Evicted: disk", id="evicted"),
    ],
)
def test_the_trouble_of_a_pod_is_reported(body: dict[str, Any], message: str) -> None:
    trouble = pods.trouble_of(body)
    assert (message in trouble) if message else trouble == ""


def test_what_a_pod_waits_for_is_reported() -> None:
    unscheduled = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes: no memory"}
    assert pods.waiting(pod(conditions=[unscheduled])) == "no node can run it: 0/3 nodes: no memory"
    assert (
        pods.waiting(pod(container_status(waiting={"reason": "ContainerCreating"}))) == "c: ContainerCreating"
    )
    assert pods.waiting({}) == ""
