"""A cluster as a value: what a plan does to it, and what it does by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from seatrial.api import names, rollout_decision
from seatrial.children import actions
from seatrial.observation import pod_diagnosis
from seatrial.simulation import cluster
from seatrial.simulation.cluster import Pace, World

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PACE = Pace(ready_after=15 * SECOND, build=60 * SECOND)
LABELS = {names.LABEL_REVISION: "aaaaaaaaaa", names.LABEL_SERVER: "churn", names.LABEL_DEPLOYMENT: "churn"}
Body = dict[str, Any]


def deployment(replicas: int = 2, **more: Any) -> Body:
    head = {"name": "churn-aaaaaaaaaa", "namespace": "shop", "labels": LABELS}
    spec = {"replicas": replicas, "template": {"metadata": {"labels": LABELS}}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": head, "spec": {**spec, **more}}


def autoscaler(low: int, high: int) -> Body:
    head = {"name": "churn-aaaaaaaaaa", "namespace": "shop"}
    spec = {"scaleTargetRef": {"name": "churn-aaaaaaaaaa"}, "minReplicas": low, "maxReplicas": high}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": head, "spec": spec}


def after(*todo: actions.Action, start: World | None = None) -> World:
    return cluster.applied(start or World({}), todo, NOON)


def running(body: Body, *beside: Body) -> World:
    """A Deployment whose pods are ready, in a world that has the rest as well."""
    here = after(actions.Create(body), *(actions.Create(one) for one in beside))
    return cluster.lived(cluster.lived(here, NOON, PACE), NOON + PACE.ready_after, PACE)


def count(here: World) -> int:
    return len(here.of("Pod"))


def test_what_is_created_gets_what_the_server_gives() -> None:
    head = after(actions.Create(deployment())).of("Deployment")[0]["metadata"]
    assert (head["uid"], head["resourceVersion"]) == ("deployment-churn-aaaaaaaaaa", "1")
    assert head["creationTimestamp"] == "2026-11-21T12:00:00Z"


def test_what_is_there_is_not_created_again() -> None:
    before = after(actions.Create(deployment(2)))
    assert after(actions.Create(deployment(5)), start=before) == before


def test_an_apply_keeps_the_replicas_and_what_the_server_gave() -> None:
    before = after(actions.Create(deployment(4)))
    template = {"metadata": {"labels": LABELS, "annotations": {"a": "b"}}}
    body = {**deployment(), "spec": {"template": template}}
    found = after(actions.Apply(body), start=before).of("Deployment")[0]
    assert (found["spec"]["replicas"], found["spec"]["template"]) == (4, template)
    assert found["metadata"]["uid"] == "deployment-churn-aaaaaaaaaa"


def test_an_apply_of_what_is_not_there_makes_it() -> None:
    assert after(actions.Apply(deployment())).of("Deployment") == (deployment(),)


def test_scaling_changes_the_count_alone() -> None:
    before = after(actions.Create(deployment(2)))
    scaled = after(actions.Scale(namespace="shop", name="churn-aaaaaaaaaa", replicas=7), start=before)
    (old,), (new,) = before.of("Deployment"), scaled.of("Deployment")
    assert new == {**old, "spec": {**old["spec"], "replicas": 7}}


@pytest.mark.parametrize(
    "action",
    [
        actions.Scale(namespace="shop", name="nobody", replicas=7),
        actions.Delete(api_version="apps/v1", kind="Deployment", namespace="shop", name="nobody", uid="u"),
        actions.AnswerDecision(
            namespace="shop",
            name="nobody",
            uid="u",
            phase=rollout_decision.DecisionPhase.TAKEN,
            message="taken",
            at=NOON,
        ),
    ],
    ids=lambda action: type(action).__name__,
)
def test_what_is_not_there_cannot_be_changed(action: actions.Action) -> None:
    before = after(actions.Create(deployment()))
    assert after(action, start=before) == before


def test_pods_go_with_their_deployment() -> None:
    here = running(deployment(2))
    gone = actions.delete_action(here.of("Deployment")[0])
    assert after(gone, start=here).objects == {}


def test_an_answer_is_written_on_the_decision() -> None:
    one = {"kind": names.DECISION_KIND, "metadata": {"name": "d"}, "spec": {"deployment": "churn"}}
    taken = rollout_decision.DecisionPhase.TAKEN
    settle = actions.AnswerDecision(
        namespace="shop", name="d", uid="u", phase=taken, message="taken", at=NOON
    )
    (found,) = after(settle, start=World({}).having(one)).of(names.DECISION_KIND)
    assert found["status"] == {"phase": "Taken", "message": "taken", "at": "2026-11-21T12:00:00Z"}


def test_a_world_is_never_changed_in_place() -> None:
    before = running(deployment(2), autoscaler(1, 3))
    kept = repr(before)
    scale = actions.Scale(namespace="shop", name="churn-aaaaaaaaaa", replicas=0)
    cluster.lived(after(scale, start=before), NOON + PACE.ready_after, PACE)
    assert repr(before) == kept


def test_pods_are_made_at_once_and_ready_in_their_time() -> None:
    here = cluster.lived(after(actions.Create(deployment(3))), NOON, PACE)
    assert (count(here), cluster.next_event(here, NOON, PACE)) == (3, NOON + PACE.ready_after)
    assert not any(map(pod_diagnosis.is_ready, here.of("Pod")))
    later = cluster.lived(here, NOON + PACE.ready_after, PACE)
    assert all(map(pod_diagnosis.is_ready, later.of("Pod")))
    assert cluster.next_event(later, NOON + PACE.ready_after, PACE) is None


@pytest.mark.parametrize("replicas", [0, 1, 2, 5])
def test_there_are_as_many_pods_as_the_deployment_says(replicas: int) -> None:
    here = running(deployment(2))
    scale = actions.Scale(namespace="shop", name="churn-aaaaaaaaaa", replicas=replicas)
    scaled = cluster.lived(after(scale, start=here), NOON + PACE.ready_after, PACE)
    assert count(scaled) == replicas
    kept = {pod["metadata"]["name"] for pod in here.of("Pod") if pod_diagnosis.is_ready(pod)}
    assert len(kept & {pod["metadata"]["name"] for pod in scaled.of("Pod")}) == min(replicas, 2)


def test_nothing_more_happens_in_a_world_that_has_lived() -> None:
    here = running(deployment(3), autoscaler(1, 5))
    assert cluster.lived(here, NOON + PACE.ready_after, PACE) == here


@pytest.mark.parametrize(
    ("replicas", "low", "high", "pods"),
    [
        pytest.param(2, 3, 5, 3, id="up to the floor"),
        pytest.param(7, 3, 5, 5, id="down to the ceiling"),
        pytest.param(4, 3, 5, 4, id="between them it stays: the load is what it is"),
        pytest.param(0, 3, 5, 0, id="zero is not looked at"),
    ],
)
def test_an_autoscaler_keeps_the_count_between_its_bounds(
    replicas: int, low: int, high: int, pods: int
) -> None:
    assert count(running(deployment(replicas), autoscaler(low, high))) == pods


def test_an_autoscaler_of_nothing_does_nothing() -> None:
    here = after(actions.Create(autoscaler(1, 3)))
    assert cluster.lived(here, NOON, PACE) == here


def test_a_snapshot_without_pods_has_those_that_its_deployments_count() -> None:
    body = {**deployment(3), "status": {"readyReplicas": 2}}
    here = cluster.of_bodies([body], NOON)
    assert [pod_diagnosis.is_ready(pod) for pod in here.of("Pod")] == [True, True, False]


def test_a_snapshot_with_pods_has_no_others() -> None:
    pods = running(deployment(1)).of("Pod")
    assert cluster.of_bodies([deployment(3), *pods], NOON).of("Pod") == pods


def test_a_snapshot_is_not_changed_by_what_is_done_with_it() -> None:
    body = deployment(1)
    here = cluster.of_bodies([body], NOON)
    here.of("Deployment")[0]["spec"]["replicas"] = 9
    assert body == deployment(1)
