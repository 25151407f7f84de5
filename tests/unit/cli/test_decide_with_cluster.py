"""`seatrial decide` reads missing options from the cluster, so that the operator accepts the decision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from seatrial.api import kinds, names
from seatrial.api.rollout_decision import DecisionPhase
from seatrial.cli.cluster import REVIEW
from tests.golden import pods, situations
from tests.golden.play import V1, Play, simulation
from tests.unit.cli.commands import DECISION_PREFIX, error_of, output_of
from tests.unit.cli.decide_situations import (
    ABORT,
    ME,
    api_server_with,
    paused,
    promoted,
    rejected,
    rejected_again,
    retried,
    rolled_back,
    starting,
)


def decision(action: str, play: Play, *more: str) -> dict[str, Any]:
    """Return the decision that the command prints for the ModelDeployment of a play."""
    text = output_of("decide", action, "churn", "-n", "shop", *more, server=api_server_with(play))
    body: dict[str, Any] = yaml.safe_load(text)
    return body


def answer(body: dict[str, Any], play: Play) -> DecisionPhase:
    """Return the phase of the operator's answer to a decision that is created now."""
    created = {"uid": "new", "creationTimestamp": f"{play.now:%Y-%m-%dT%H:%M:%SZ}"}
    stored = {**body, "metadata": {**body["metadata"], **created, "name": "churn-new"}}
    after = simulation().step(play.having(stored).world, play.now).after
    status = after.objects[(names.DECISION_KIND, "churn-new")]["status"]
    return DecisionPhase(status["phase"])


@pytest.mark.parametrize(
    ("action", "situation"),
    [
        pytest.param("abort", starting, id="abort before the canary receives traffic"),
        pytest.param("abort", situations.with_users, id="abort"),
        pytest.param("abort", retried, id="abort of a second attempt"),
        pytest.param("abort", paused, id="abort of a paused rollout"),
        pytest.param("promote", situations.with_users, id="promote"),
        pytest.param("promote", paused, id="promote of a paused rollout"),
        pytest.param("skip", situations.with_users, id="skip"),
        pytest.param("pause", situations.with_users, id="pause"),
        pytest.param("resume", paused, id="resume"),
        pytest.param("retry", rejected, id="retry"),
        pytest.param("retry", rejected_again, id="retry of a revision that was not rejected last"),
        pytest.param("retry", rolled_back, id="retry after a rollback"),
    ],
)
def test_the_operator_accepts_a_decision_that_was_completed_from_the_status(
    action: str, situation: Callable[[], Play]
) -> None:
    play = situation()
    body = decision(action, play, "--reason", "p99")
    assert (body["spec"]["decidedBy"], body["spec"]["reason"]) == (ME, "p99")
    assert body["metadata"] == {"generateName": DECISION_PREFIX, "namespace": "shop"}
    assert answer(body, play) is DecisionPhase.TAKEN


def test_a_rollback_is_about_the_stable_revision() -> None:
    play = promoted()
    (earlier,) = play.world.objects[(names.KIND, "churn")]["status"]["history"][1:]
    body = decision("rollback", play, "--to", earlier["revision"])
    assert body["spec"]["revision"] == play.revision("stable")
    assert answer(body, play) is DecisionPhase.TAKEN


def test_the_attempt_is_read_from_the_status() -> None:
    assert decision("abort", retried())["spec"]["attempt"] == 2


@pytest.mark.parametrize(
    ("action", "situation", "sentence"),
    [
        pytest.param("abort", promoted, "no rollout is in progress; the phase is Healthy: ", id="no rollout"),
        pytest.param("skip", starting, "is at no step; its rollout is Starting", id="no step yet"),
        pytest.param(
            "resume", situations.with_users, "is not paused; its rollout is Shifting", id="not paused"
        ),
        pytest.param(
            "resume",
            lambda: situations.with_users().apply(paused=True).later(60),
            "spec.paused is true; set it to false",
            id="paused by the spec",
        ),
        pytest.param(
            "retry",
            promoted,
            "the revision that the spec asks for is not rejected; the phase",
            id="no rejection",
        ),
        pytest.param(
            "retry",
            lambda: rejected().apply(model={"image": V1}).rest(),
            "the revision that the spec asks for is not rejected; rejected revisions: ",
            id="another revision is rejected",
        ),
        pytest.param(
            "retry", situations.with_users, "is in progress; abort it or wait", id="rollout in progress"
        ),
        pytest.param(
            "retry",
            lambda: situations.with_users().pods("canary", pods.crashing).later(1),
            "is still rolling back; retry it when the phase is Rejected",
            id="retry while rolling back",
        ),
        pytest.param(
            "abort",
            lambda: situations.with_users().pods("canary", pods.crashing).later(1),
            "is already rolling back",
            id="abort while rolling back",
        ),
        pytest.param(
            "rollback",
            situations.serving,
            "--to is required with rollback; the history has no other",
            id="no earlier revision",
        ),
        pytest.param(
            "rollback",
            lambda: Play().apply(model={"image": V1}),
            "no revision is stable yet",
            id="new object",
        ),
        pytest.param(
            "abort", lambda: Play().apply(model={"image": V1}), "the object has no status yet", id="no status"
        ),
    ],
)
def test_a_decision_that_the_operator_would_reject_is_rejected_with_a_reason(
    action: str, situation: Callable[[], Play], sentence: str
) -> None:
    error = error_of("decide", action, "churn", "-n", "shop", server=api_server_with(situation()))
    assert error.startswith("seatrial: ModelDeployment shop/churn: ")
    assert sentence in error


def test_a_rollback_to_an_unknown_revision_lists_the_known_ones() -> None:
    server, earlier = api_server_with(promoted()), situations.serving().revision("stable")
    rollback = ["decide", "rollback", "churn", "-n", "shop"]
    known = f"{earlier} (promoted 2026-11-21T12:00:15Z, registry.shop/churn@sha256:{'1' * 12})"
    without_option = error_of(*rollback, server=server)
    assert f"--to is required with rollback; known, newest first: {known}\n" in without_option
    unknown = error_of(*rollback, "--to", "0123456789", server=server)
    assert unknown.endswith(f"possible targets: {known}\n")


@pytest.mark.parametrize("wanted", ["previous", "111111", f"sha256:{'1' * 64}"])
def test_a_rollback_names_the_revision_that_previous_or_a_digest_means(wanted: str) -> None:
    play = promoted()
    (earlier,) = play.world.objects[(names.KIND, "churn")]["status"]["history"][1:]
    body = decision("rollback", play, "--to", wanted)
    assert body["spec"]["toRevision"] == earlier["revision"]
    assert answer(body, play) is DecisionPhase.TAKEN


def test_a_rollback_to_the_digest_of_what_serves_lists_the_other_revisions() -> None:
    error = error_of(
        "decide", "rollback", "churn", "-n", "shop", "--to", "222222", server=api_server_with(promoted())
    )
    assert "cannot roll back to revision" in error
    assert "@sha256:111111" in error


def test_a_given_option_overrides_the_status() -> None:
    server = api_server_with(retried())
    body = yaml.safe_load(output_of(*ABORT, "--attempt", "7", "--by", "ann", server=server))
    assert (body["spec"]["attempt"], body["spec"]["decidedBy"]) == (7, "ann")
    assert [request.method for request in server.requests] == ["GET"]


def test_only_the_user_name_is_read_if_the_other_options_are_given() -> None:
    server = api_server_with()
    text = output_of(*ABORT, "--revision", "9f3c2a71d0", "--attempt", "1", server=server)
    assert yaml.safe_load(text)["spec"]["decidedBy"] == ME
    assert [(request.method, request.path) for request in server.requests] == [("POST", REVIEW.path())]


def test_the_attempt_of_another_revision_is_not_used() -> None:
    play = situations.with_users()
    error = error_of(*ABORT, "--revision", "0123456789", server=api_server_with(play))
    canary = play.revision("canary")
    assert f"the status is about revision {canary}; for 0123456789, give --attempt as well" in error


def test_apply_creates_the_decision() -> None:
    play = situations.with_users()
    server = api_server_with(play)
    text = output_of(*ABORT, "--reason", "p99", "--apply", "--context", "prod", server=server)
    (created,) = server.all(kinds.ROLLOUT_DECISION)
    name, revision = created["metadata"]["name"], play.revision("canary")
    assert created["metadata"]["namespace"] == "shop"
    assert created["spec"] == decision("abort", play, "--reason", "p99")["spec"]
    assert text == (
        f"created RolloutDecision shop/{name}: Abort of {revision}, attempt 1, by {ME}\n"
        f"see the operator's answer with: kubectl get rdec {name} -n shop --context prod\n"
    )


def test_without_apply_nothing_is_created() -> None:
    server = api_server_with(situations.with_users())
    output_of(*ABORT, server=server)
    assert server.writes == []
    assert server.all(kinds.ROLLOUT_DECISION) == []


def test_apply_with_all_options_does_not_read_the_deployment() -> None:
    server = api_server_with()
    output_of(*ABORT, "--revision", "9f3c2a71d0", "--attempt", "1", "--by", ME, "--apply", server=server)
    assert [(request.method, request.path) for request in server.requests] == [
        ("POST", kinds.ROLLOUT_DECISION.path("shop"))
    ]


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        pytest.param(401, "the API server does not accept your credentials; log in again", id="unauthorized"),
        pytest.param(403, "the API server rejects the request: a planned fault", id="forbidden"),
        pytest.param(0, "cannot reach the API server: connection reset by peer", id="unreachable"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_error_of_the_api_server_is_reported(method: str, fault: int, sentence: str) -> None:
    server = api_server_with(situations.with_users())
    server.faults.fail_next(1, fault, lambda request: request.method == method)
    assert sentence in error_of(*ABORT, "--by", ME, "--apply", server=server)


def test_a_lost_response_warns_that_the_decision_may_exist() -> None:
    server = api_server_with(situations.with_users())
    server.faults.fail_next(1, 0, lambda request: request.method == "POST", after=True)
    error = error_of(*ABORT, "--by", ME, "--apply", server=server)
    assert (
        "the RolloutDecision may exist nevertheless; check with kubectl get rolloutdecisions -n shop" in error
    )


def test_a_missing_deployment_is_reported_with_its_namespace() -> None:
    error = error_of(
        "decide", "abort", "churn", "-n", "other", server=api_server_with(situations.with_users())
    )
    assert "ModelDeployment churn does not exist in namespace other of this cluster" in error


def test_a_server_without_self_subject_reviews_leads_to_the_option_by() -> None:
    server = api_server_with(situations.with_users())
    server.raw.clear()
    assert "cannot determine your user name, use --by: the API server rejects the request: " in error_of(
        *ABORT, server=server
    )
