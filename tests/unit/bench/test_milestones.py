"""When an object has reached a milestone of the benchmark, and when it has not."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.api import kinds, names
from seatrial.api.kinds import Kind
from tests.bench import milestones
from tests.bench.timeline import Milestone

OURS = {names.LABEL_DEPLOYMENT: "a"}
PLAIN = {milestones.PLAIN: "a"}


def body(name: str = "a", *, labels: dict[str, str] | None = None, **rest: Any) -> dict[str, Any]:
    """Return an object of generation 2."""
    return {"metadata": {"name": name, "labels": labels or {}, "generation": 2}, **rest}


def status(**fields: Any) -> dict[str, Any]:
    return body(status=fields)


def selecting(*keys: str, labels: dict[str, str] | None = None) -> dict[str, Any]:
    return body(labels=labels, spec={"selector": dict.fromkeys(keys, "x")})


BOTH, ONE = "app", names.LABEL_REVISION
MODEL, SERVICE, DEPLOYMENT = kinds.MODEL_DEPLOYMENT, kinds.SERVICE, kinds.DEPLOYMENT


@pytest.mark.parametrize(
    ("milestone", "kind", "seen", "reached"),
    [
        pytest.param(milestones.child(SERVICE), SERVICE, body("s", labels=OURS), "a", id="a child"),
        pytest.param(milestones.child(SERVICE), DEPLOYMENT, body("s", labels=OURS), None, id="another kind"),
        pytest.param(milestones.child(SERVICE), SERVICE, body("s"), None, id="a stranger"),
        pytest.param(milestones.child(SERVICE), SERVICE, body("s", labels=PLAIN), None, id="of the floor"),
        pytest.param(
            milestones.child(SERVICE, milestones.PLAIN),
            SERVICE,
            body("s", labels=PLAIN),
            "a",
            id="the floor's",
        ),
        pytest.param(
            milestones.new_child(DEPLOYMENT, {"d"}),
            DEPLOYMENT,
            body("d", labels=OURS),
            None,
            id="a known child",
        ),
        pytest.param(
            milestones.new_child(DEPLOYMENT, {"d"}), DEPLOYMENT, body("e", labels=OURS), "a", id="a new child"
        ),
        pytest.param(
            milestones.new_child(DEPLOYMENT, set()),
            SERVICE,
            body("e", labels=OURS),
            None,
            id="new, but no child",
        ),
        pytest.param(
            milestones.healthy, MODEL, status(phase="Healthy", observedGeneration=2), "a", id="healthy"
        ),
        pytest.param(
            milestones.healthy,
            MODEL,
            status(phase="Healthy", observedGeneration=1),
            None,
            id="healthy before",
        ),
        pytest.param(
            milestones.healthy, MODEL, status(phase="Canary", observedGeneration=2), None, id="on its way"
        ),
        pytest.param(milestones.healthy, MODEL, body(), None, id="without a status"),
        pytest.param(
            milestones.healthy, SERVICE, status(phase="Healthy", observedGeneration=2), None, id="no model"
        ),
        pytest.param(milestones.rejected, MODEL, status(phase="Rejected"), "a", id="rejected"),
        pytest.param(milestones.rejected, MODEL, status(phase="Canary"), None, id="not rejected yet"),
        pytest.param(milestones.rejected, DEPLOYMENT, status(phase="Rejected"), None, id="no model's phase"),
        pytest.param(milestones.has_users, SERVICE, selecting(BOTH), "a", id="both tracks"),
        pytest.param(milestones.has_users, SERVICE, selecting(BOTH, ONE), None, id="one track has no canary"),
        pytest.param(milestones.narrow, SERVICE, selecting(BOTH, ONE), "a", id="one track"),
        pytest.param(milestones.narrow, SERVICE, selecting(BOTH), None, id="both tracks are not narrow"),
        pytest.param(milestones.narrow, DEPLOYMENT, selecting(BOTH, ONE), None, id="narrow, but no Service"),
        pytest.param(
            milestones.plain_available,
            DEPLOYMENT,
            body(labels=PLAIN, status={"availableReplicas": 1}),
            "a",
            id="the floor's pod",
        ),
        pytest.param(
            milestones.plain_available, DEPLOYMENT, body(labels=PLAIN, status={}), None, id="no pod yet"
        ),
        pytest.param(
            milestones.plain_available,
            DEPLOYMENT,
            body(labels=OURS, status={"availableReplicas": 1}),
            None,
            id="our pod is not the floor's",
        ),
        pytest.param(
            milestones.plain_narrow,
            SERVICE,
            selecting("narrow", labels=PLAIN),
            "a",
            id="the floor's selector",
        ),
        pytest.param(
            milestones.plain_narrow, SERVICE, selecting(BOTH, labels=PLAIN), None, id="its selector before"
        ),
        pytest.param(milestones.plain_narrow, SERVICE, body(labels=PLAIN), None, id="without a selector"),
    ],
)
def test_an_object_is_at_a_milestone(
    milestone: Milestone, kind: Kind, seen: dict[str, Any], reached: str | None
) -> None:
    assert milestone(kind, seen) == reached
