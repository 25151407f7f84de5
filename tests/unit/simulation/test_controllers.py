"""The simulated controllers and kubelets: pods come and go, start and build as a cluster's do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from model_runtime import contract
from seatrial.api import names, status_fields
from seatrial.manifests import server
from seatrial.observation import build_jobs, pod_diagnosis
from seatrial.observation.observed import Observed
from seatrial.simulation import controllers
from seatrial.simulation.cluster import Pace
from tests.golden import pods as happenings
from tests.golden.play import PACE, Play

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
TAKES = timedelta(seconds=60)
REVISION = "aaaaaaaaaa"
Body = dict[str, Any]


def deployment(replicas: int | None = 2, revision: str = REVISION, **status: Any) -> Body:
    labels = {names.LABEL_REVISION: revision, names.LABEL_SERVER: "churn"}
    spec: Body = {"template": {"metadata": {"labels": labels}}}
    return {
        "kind": "Deployment",
        "metadata": {"name": f"churn-{revision}", "namespace": "shop", "uid": "d", "labels": labels},
        "spec": spec if replicas is None else {**spec, "replicas": replicas},
        "status": status,
    }


def new_pods(count: int, *before: Body, revision: str = REVISION) -> tuple[Body, ...]:
    return controllers.pods_missing(deployment(revision=revision), before, now=NOON, count=count)


def names_of(pods: tuple[Body, ...] | list[Body]) -> list[str]:
    return [pod["metadata"]["name"] for pod in pods]


def ready(pod: Body) -> Body:
    return controllers.started(pod, NOON, timedelta(0))


class TestPods:
    def test_have_the_labels_of_their_template_and_are_not_ready(self) -> None:
        (pod,) = new_pods(1)
        assert pod["metadata"]["labels"] == deployment()["spec"]["template"]["metadata"]["labels"]
        assert pod["metadata"]["ownerReferences"] == [{"kind": "Deployment", "uid": "d"}]
        assert not pod_diagnosis.is_ready(pod)

    @pytest.mark.parametrize("count", [-2, 0])
    def test_are_not_made_where_none_is_missing(self, count: int) -> None:
        assert new_pods(count) == ()

    def test_get_names_that_no_other_has(self) -> None:
        first = new_pods(3)
        assert names_of(first) == [f"churn-{REVISION}-{n}" for n in (1, 2, 3)]
        assert names_of(new_pods(2, first[0], first[2])) == [f"churn-{REVISION}-{n}" for n in (2, 4)]

    def test_belong_to_the_deployment_of_their_revision_alone(self) -> None:
        ours, others = new_pods(2), new_pods(2, revision="bbbbbbbbbb")
        build = {"metadata": {"name": "b", "labels": {names.LABEL_REVISION: REVISION}}}
        assert controllers.pods_of((*others, build, *ours), deployment()) == ours
        assert controllers.orphans((*others, build, *ours), (deployment(),)) == others

    def test_that_do_not_answer_go_first_and_the_newest_before_the_oldest(self) -> None:
        one, two, three = new_pods(3)
        one["metadata"]["creationTimestamp"] = status_fields.format_time(NOON - TAKES)
        going = controllers.first_to_go((ready(one), ready(two), three))
        assert names_of(going) == names_of([three, two, one])

    @pytest.mark.parametrize(
        ("replicas", "answering", "shown"),
        [
            pytest.param(3, 2, [True, True, False], id="those that are ready are ready"),
            pytest.param(None, 1, [True], id="one where the count is not said"),
            pytest.param(0, 0, [], id="none"),
        ],
    )
    def test_of_a_snapshot_without_pods_are_those_of_its_counts(
        self, replicas: int | None, answering: int, shown: list[bool]
    ) -> None:
        found = controllers.pods_implied(deployment(replicas, readyReplicas=answering), NOON)
        assert [pod_diagnosis.is_ready(pod) for pod in found] == shown

    def test_start_when_their_time_is_over_and_not_before(self) -> None:
        (pod,) = new_pods(1)
        due = NOON + TAKES
        assert controllers.starts_at(pod, TAKES) == due
        assert controllers.started(pod, due - timedelta(seconds=1), TAKES) == pod
        assert pod_diagnosis.is_ready(controllers.started(pod, due, TAKES))

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(ready, id="ready"),
            pytest.param(happenings.crashing, id="crashing"),
            pytest.param(happenings.unable_to_pull, id="without an image"),
            pytest.param(happenings.without_a_node, id="without a node"),
            pytest.param(happenings.not_ready, id="answering no more"),
            pytest.param(
                lambda pod: {
                    **pod,
                    "metadata": {**pod["metadata"], "deletionTimestamp": "2026-11-21T12:00:00Z"},
                },
                id="told to go",
            ),
            pytest.param(lambda pod: {**pod, "metadata": {**pod["metadata"], "labels": {}}}, id="no server"),
            pytest.param(
                lambda pod: {**pod, "metadata": {**pod["metadata"], "creationTimestamp": None}},
                id="of no age",
            ),
        ],
    )
    def test_that_are_so_stay_so(self, change: Any) -> None:
        (pod,) = new_pods(1)
        pod = change(pod)
        assert controllers.starts_at(pod, TAKES) is None
        assert controllers.started(pod, NOON + 10 * TAKES, TAKES) == pod


def a_job(*, deadline: int | None = 1800, **model: Any) -> Body:
    """The Job of a build that has just been made."""
    play = Play().apply(model={"uri": "s3://models/churn/7/", **model})
    job = play.later(0).story().observed
    (found,) = (body for body in job if body["kind"] == "Job")
    if deadline is None:
        del found["spec"]["activeDeadlineSeconds"]
    else:
        found["spec"]["activeDeadlineSeconds"] = deadline
    return found


def seen(job: Body, pod: Body) -> build_jobs.JobSeen:
    found = build_jobs.seen(Observed(jobs=(job,), pods=(pod,)), job["metadata"]["name"])
    assert found is not None
    return found


class TestBuilds:
    def test_run_until_their_time_is_over(self) -> None:
        job = a_job()
        before = controllers.built(job, (), now=NOON + TAKES - timedelta(seconds=1), takes=TAKES)
        assert seen(*before).running
        assert not seen(*before).finished

    def test_end_with_an_image_that_the_model_decides(self) -> None:
        ends = [seen(*controllers.built(a_job(), (), now=NOON + TAKES, takes=TAKES)).report for _ in range(2)]
        assert ends[0] == ends[1]
        assert ends[0] is not None
        assert ends[0].succeeded
        other = seen(*controllers.built(a_job(format="onnx"), (), now=NOON + TAKES, takes=TAKES)).report
        assert other is not None
        assert (other.format, other.image == ends[0].image) == ("onnx", False)

    def test_keep_the_digest_that_the_spec_pins(self) -> None:
        digest = "sha256:" + "7" * 64
        report = seen(*controllers.built(a_job(digest=digest), (), now=NOON + TAKES, takes=TAKES)).report
        assert report is not None
        assert report.model_digest == digest

    def test_are_ended_by_their_deadline(self) -> None:
        job = a_job(deadline=30)
        assert controllers.ends_at(job, TAKES) == NOON + timedelta(seconds=30)
        found = seen(*controllers.built(job, (), now=NOON + timedelta(seconds=30), takes=TAKES))
        assert (found.finished, found.deadline_exceeded, found.report, found.exit_code) == (
            True,
            True,
            None,
            137,
        )

    @pytest.mark.parametrize("deadline", [60, 1800, None])
    def test_that_are_in_time_are_not(self, deadline: int | None) -> None:
        found = seen(*controllers.built(a_job(deadline=deadline), (), now=NOON + TAKES, takes=TAKES))
        assert (found.finished, found.deadline_exceeded) == (True, False)

    def test_have_one_pod_all_the_time(self) -> None:
        job, pod = controllers.built(a_job(), (), now=NOON, takes=TAKES)
        _, again = controllers.built(job, (pod,), now=NOON + TAKES, takes=TAKES)
        assert again["metadata"] == pod["metadata"]
        assert again["metadata"]["labels"][controllers.JOB_LABEL] == job["metadata"]["name"]
        assert names.LABEL_SERVER not in again["metadata"]["labels"]

    def test_that_have_ended_do_not_end_again(self) -> None:
        job, pod = controllers.built(a_job(), (), now=NOON + TAKES, takes=TAKES)
        assert controllers.ends_at(job, TAKES) is None
        assert controllers.built(job, (pod,), now=NOON + 2 * TAKES, takes=TAKES) == ()

    def test_are_asked_for_what_the_job_says(self) -> None:
        request = controllers.request_of(a_job())
        assert isinstance(request, contract.BuildRequest)
        assert request.uri == "s3://models/churn/7/"


def test_the_pace_of_the_golden_folders_is_that_of_the_command() -> None:
    """Or the timelines that are reviewed would not be those that users see."""
    assert Pace() == PACE


def test_a_server_pod_of_the_simulation_has_the_container_that_is_looked_at() -> None:
    (pod,) = new_pods(1)
    assert pod_diagnosis.container_of(ready(pod), server.CONTAINER)["ready"]
