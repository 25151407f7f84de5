"""Which differences between a rendered and an observed child lead to a write."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from seatrial.api import spec, validation
from seatrial.api.objects import Body
from seatrial.children import actions, diff
from seatrial.core.target import Workload
from seatrial.manifests import server, workload
from tests.builders import DIGEST, NEW, OWNER


def deployment(**pod: Any) -> Body:
    raw = {
        "model": {"image": DIGEST},
        "serving": {"resources": {"limits": {"memory": "1024Mi"}}, "pod": pod},
    }
    serving = validation.validate(spec.Spec, raw).serving
    template = server.template(OWNER, NEW, workload=Workload(serving=serving), image=DIGEST, copies={})
    return workload.deployment(OWNER, NEW, template)


def as_stored(body: Body) -> Body:
    """Return the object with what an API server adds and rewrites."""
    stored = copy.deepcopy(body)
    stored["metadata"].update(uid="d-1", resourceVersion="7", generation=1)
    stored["spec"]["replicas"] = 3
    pod = stored["spec"]["template"]["spec"]
    pod.update(dnsPolicy="ClusterFirst", restartPolicy="Always", schedulerName="default-scheduler")
    container = pod["containers"][0]
    container["resources"]["limits"]["memory"] = "1Gi"
    container["imagePullPolicy"] = "IfNotPresent"
    container["readinessProbe"]["httpGet"]["scheme"] = "HTTP"
    stored["status"] = {"replicas": 3}
    return stored


def test_a_missing_child_is_created() -> None:
    assert diff.change(deployment(), None) == actions.Create(deployment())


def test_defaults_of_the_api_server_and_other_notations_are_no_change() -> None:
    assert diff.change(deployment(), as_stored(deployment())) is None


@pytest.mark.parametrize(
    "pod",
    [
        pytest.param(
            {"volumeMounts": [{"name": "a", "mountPath": "/a", "readOnly": False}]}, id="readOnly false"
        ),
        pytest.param({"affinity": {"nodeAffinity": {"preferred": []}}}, id="an empty list"),
    ],
)
def test_fields_that_the_api_server_drops_are_no_change(pod: dict[str, Any]) -> None:
    stored = as_stored(deployment(**pod))
    inner = stored["spec"]["template"]["spec"]
    for mount in inner["containers"][0]["volumeMounts"]:
        mount.pop("readOnly", None)
    inner.get("affinity", {}).get("nodeAffinity", {}).pop("preferred", None)
    assert diff.change(deployment(**pod), stored) is None


def _selector(body: Body) -> None:
    body["spec"]["selector"]["matchLabels"]["extra"] = "x"


def _label(body: Body) -> None:
    body["metadata"]["labels"]["seatrial.dev/revision"] = "other"


def _image(body: Body) -> None:
    body["spec"]["template"]["spec"]["containers"][0]["image"] = "mine"


def _sidecar(body: Body) -> None:
    body["spec"]["template"]["spec"]["containers"].append({"name": "more"})


def _owner(body: Body) -> None:
    body["metadata"]["ownerReferences"] = []


def _older_rendering(body: Body) -> None:
    body["metadata"]["annotations"]["seatrial.dev/applied"] = "older"


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(_selector, id="selector"),
        pytest.param(_label, id="label"),
        pytest.param(_image, id="image"),
        pytest.param(_sidecar, id="sidecar"),
        pytest.param(_owner, id="owner"),
        pytest.param(_older_rendering, id="hash of an older rendering"),
    ],
)
def test_an_edited_field_is_overwritten(edit: Callable[[Body], None]) -> None:
    stored = as_stored(deployment())
    edit(stored)
    action = diff.change(deployment(), stored)
    assert isinstance(action, actions.Apply)
    assert action.body["metadata"]["uid"] == "d-1"
    assert action.body["metadata"]["resourceVersion"] == "7"


def test_replicas_are_not_compared() -> None:
    stored = as_stored(deployment())
    stored["spec"]["replicas"] = 50
    assert diff.change(deployment(), stored) is None


def test_a_child_that_is_being_deleted_is_left_alone() -> None:
    stored = as_stored(deployment())
    stored["metadata"]["deletionTimestamp"] = "2026-11-21T12:00:00Z"
    stored["spec"]["template"]["spec"]["containers"] = []
    assert diff.change(deployment(), stored) is None


def test_a_metric_in_another_notation_is_no_change() -> None:
    target = {"type": "AverageValue", "averageValue": "1000m"}
    raw = {"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": target}}
    scaling = validation.validate(
        spec.Spec,
        {
            "model": {"image": DIGEST},
            "scaling": {"minReplicas": 1, "maxReplicas": 3, "metrics": [{"raw": raw}]},
        },
    ).scaling
    wanted = workload.autoscaler(OWNER, NEW, scaling=scaling, floor=1, may_shrink=True)
    stored = copy.deepcopy(wanted)
    stored["spec"]["metrics"][0]["pods"]["target"]["averageValue"] = "1"
    assert diff.change(wanted, stored) is None


def test_an_immutable_child_is_only_adopted() -> None:
    wanted = {**deployment(), "kind": "ControllerRevision", "data": {"a": 1}}
    stored = {**as_stored(wanted), "data": {"a": 2}}
    assert diff.change(wanted, stored) is None
    stored["metadata"]["ownerReferences"] = []
    action = diff.change(wanted, stored)
    assert isinstance(action, actions.Apply)
    assert "data" not in action.body
