"""A simulated world is looked at as the operator looks at a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.api import names
from seatrial.cli import inputs
from seatrial.core.references import Reference, ReferenceKind
from seatrial.observation import questions
from seatrial.observation.observed import Observed
from seatrial.simulation import observer
from seatrial.simulation.cluster import World, place_of
from tests.builders import NOW, PARTS
from tests.unit.cli.commands import a_deployment

Body = dict[str, Any]
READS = {
    "env": [
        {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "may-be", "key": "a", "optional": True}}},
        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "b"}}},
    ]
}


def a_world(*bodies: Body, **spec: Any) -> World:
    """The world in which a ModelDeployment has just been applied beside these objects."""
    start = inputs.given(a_deployment(**spec), (), NOW).world
    return World({**start.objects, **{place_of(body): body for body in bodies}})


def seen(*bodies: Body, **spec: Any) -> Observed:
    here = a_world(*bodies, **spec)
    return observer.observed(here, observer.desired(here, "churn"), PARTS)


def body(kind: str, name: str, *, owner: str = "churn", **more: Any) -> Body:
    head = {"name": name, "namespace": "shop", "labels": {names.LABEL_DEPLOYMENT: owner} if owner else {}}
    return {"kind": kind, "metadata": {**head, **more.pop("head", {})}, **more}


@pytest.mark.parametrize(
    ("kind", "part"),
    [
        ("Deployment", "deployments"),
        ("Service", "services"),
        ("HorizontalPodAutoscaler", "autoscalers"),
        ("PodDisruptionBudget", "budgets"),
        ("Job", "jobs"),
        ("Pod", "pods"),
        ("ControllerRevision", "revisions"),
        ("ConfigMap", "copies"),
    ],
)
def test_children_are_those_with_the_label(kind: str, part: str) -> None:
    ours = body(kind, "ours")
    found = seen(ours, body(kind, "others", owner="other"), body(kind, "nobodys", owner=""))
    assert getattr(found, part) == (ours,)


def test_decisions_are_those_about_the_object() -> None:
    about = body(names.DECISION_KIND, "one", owner="", spec={"deployment": "churn"})
    other = body(names.DECISION_KIND, "two", owner="", spec={"deployment": "other"})
    assert seen(about, other).decisions == (about,)


def test_what_is_not_there_is_taken_to_be_there_unless_it_may_be_missing() -> None:
    found = {reference.name: state for reference, state in seen(serving=READS).references.items()}
    assert {name: state.present for name, state in found.items()} == {"may-be": False, "keys": True}


def test_what_the_world_does_not_have_is_unknown() -> None:
    here = a_world(body("Secret", "keys", owner=""), serving=READS)
    asked = questions.questions(observer.desired(here, "churn"), PARTS)
    assert [reference.name for reference in observer.unknown(here, asked)] == ["may-be"]


def _reference_of(holder: ReferenceKind, *bodies: Body, **spec: Any) -> Any:
    found = seen(*bodies, **spec).references
    return next(state for reference, state in found.items() if reference.holder is holder)


def test_the_content_of_a_secret_is_a_digest_and_nothing_else() -> None:
    states = [
        _reference_of(ReferenceKind.SECRET, body("Secret", "keys", owner="", data={"b": text}), serving=READS)
        for text in ("c2VjcmV0", "b3RoZXI=")
    ]
    assert "c2VjcmV0" not in repr(states)
    assert states[0].digest != states[1].digest
    assert not states[0].data


@pytest.mark.parametrize("part", ["data", "binaryData"])
def test_the_content_of_a_configmap_is_there_for_its_copy(part: str) -> None:
    given = body("ConfigMap", "may-be", owner="", head={"resourceVersion": "7"}, **{part: {"a": "eA=="}})
    state = _reference_of(ReferenceKind.CONFIG_MAP, given, serving=READS)
    assert (state.present, state.version) == (True, "7")
    assert {"data": state.data, "binaryData": state.binary_data}[part] == {"a": "eA=="}


def test_text_and_bytes_of_one_key_are_not_the_same() -> None:
    digests = {
        _reference_of(
            ReferenceKind.CONFIG_MAP,
            body("ConfigMap", "may-be", owner="", **{part: {"a": "eA=="}}),
            serving=READS,
        ).digest
        for part in ("data", "binaryData")
    }
    assert len(digests) == 2


def test_a_reference_is_said_as_kubernetes_says_it() -> None:
    assert str(Reference(ReferenceKind.SECRET, "keys")) == "Secret keys"
