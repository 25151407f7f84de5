"""`seatrial decide` asks the cluster for what was not said; what it finds is what the operator takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from seatrial.api import kinds, names
from seatrial.cli.cluster import REVIEW
from tests.apiserver import FakeApiServer
from tests.golden import pods, situations
from tests.golden.play import V1, V2, V3, Play, simulation
from tests.unit.cli.commands import printed, refused

NOW = datetime(2026, 11, 21, 15, tzinfo=UTC)
ME = "jo@shop.example"
ABORT = ["decide", "abort", "churn", "-n", "shop"]


def a_cluster(play: Play | None = None) -> FakeApiServer:
    """The API server that has the object of a play, and knows who asks."""
    server = FakeApiServer(lambda: NOW, namespaces=("shop", "other"))
    server.raw[REVIEW.path()] = json.dumps({"status": {"userInfo": {"username": ME}}}).encode()
    if play is not None:
        body = play.world.objects[(names.KIND, "churn")]
        head = {"name": "churn", "namespace": "shop"}
        server.insert(kinds.MODEL_DEPLOYMENT, {**body, "metadata": head})
        server.set_status(kinds.MODEL_DEPLOYMENT, "shop", "churn", status=body["status"], manager="seatrial")
    return server


def decided(action: str, play: Play, *more: str) -> dict[str, Any]:
    """What is printed for the object of a play."""
    text = printed("decide", action, "churn", "-n", "shop", *more, server=a_cluster(play))
    body: dict[str, Any] = yaml.safe_load(text)
    return body


def answer(body: dict[str, Any], play: Play) -> tuple[str, str]:
    """What the operator says to a decision that is created now."""
    born = {"uid": "new", "creationTimestamp": f"{play.now:%Y-%m-%dT%H:%M:%SZ}"}
    stored = {**body, "metadata": {**body["metadata"], **born, "name": "churn-new"}}
    here = simulation().step(play.having(stored).world, play.now).after
    status = here.objects[(names.DECISION_KIND, "churn-new")]["status"]
    return status["phase"], status["message"]


def waiting() -> Play:
    """The canary starts; no user has met it."""
    return situations.canary().later(5)


def paused() -> Play:
    return situations.with_users().decide("Pause").later(600)


def rejected() -> Play:
    return situations.canary().later(10).pods("canary", pods.crashing).rest()


def rejected_again() -> Play:
    """V2 and V3 were rejected, V3 last, and the spec has come back to V2."""
    play = rejected().apply(model={"image": V3}).later(10).pods("canary", pods.crashing).rest()
    return play.apply(model={"image": V2}).rest()


def retried() -> Play:
    """The second attempt has users."""
    play = rejected().wait(60)
    revision = play.revision("rollout")
    return play.decide("Retry", revision=revision, attempt=1).later(45)


def promoted() -> Play:
    return situations.canary().rest().wait(3600)


def taken_back() -> Play:
    """A person has gone back to V1, and the spec still asks for V2."""
    play = promoted()
    served = play.revision("stable")
    other = situations.serving().revision("stable")
    return play.decide("Rollback", revision=served, toRevision=other).rest().wait(60)


@pytest.mark.parametrize(
    ("action", "situation"),
    [
        pytest.param("abort", waiting, id="abort before it has users"),
        pytest.param("abort", situations.with_users, id="abort"),
        pytest.param("abort", retried, id="abort of a second attempt"),
        pytest.param("abort", paused, id="abort of what is paused"),
        pytest.param("promote", situations.with_users, id="promote"),
        pytest.param("promote", paused, id="promote of what is paused"),
        pytest.param("skip", situations.with_users, id="skip"),
        pytest.param("pause", situations.with_users, id="pause"),
        pytest.param("resume", paused, id="resume"),
        pytest.param("retry", rejected, id="retry"),
        pytest.param("retry", rejected_again, id="retry of what was rejected before the last"),
        pytest.param("retry", taken_back, id="retry of what a person rejected"),
    ],
)
def test_what_is_found_is_taken_by_the_operator(action: str, situation: Callable[[], Play]) -> None:
    play = situation()
    body = decided(action, play, "--reason", "p99")
    assert (body["spec"]["decidedBy"], body["spec"]["reason"]) == (ME, "p99")
    assert body["metadata"] == {"generateName": "churn-", "namespace": "shop"}
    assert answer(body, play) == ("Taken", "taken")


def test_a_rollback_is_one_of_what_serves() -> None:
    play = promoted()
    (first,) = play.world.objects[(names.KIND, "churn")]["status"]["history"][1:]
    body = decided("rollback", play, "--to", first["revision"])
    assert body["spec"]["revision"] == play.revision("stable")
    assert answer(body, play) == ("Taken", "taken")


def test_the_second_attempt_is_found() -> None:
    assert decided("abort", retried())["spec"]["attempt"] == 2


@pytest.mark.parametrize(
    ("action", "situation", "sentence"),
    [
        pytest.param("abort", promoted, "no rollout is on its way; the phase is Healthy: ", id="at rest"),
        pytest.param("skip", waiting, "no step is held; revision", id="no step yet"),
        pytest.param("resume", situations.with_users, "nothing is paused: revision", id="not paused"),
        pytest.param(
            "resume",
            lambda: situations.with_users().apply(paused=True).later(60),
            "spec.paused is true; set it to false",
            id="paused by the spec",
        ),
        pytest.param(
            "retry", promoted, "what the spec asks for was not rejected; the phase", id="no failure"
        ),
        pytest.param(
            "retry",
            lambda: rejected().apply(model={"image": V1}).rest(),
            "what the spec asks for was not rejected; rejected were",
            id="a failure that nobody asks for",
        ),
        pytest.param("retry", situations.with_users, "is on its way; abort it or wait", id="still tried"),
        pytest.param(
            "retry",
            lambda: situations.with_users().pods("canary", pods.crashing).later(1),
            "is still going back; retry it once the phase is Degraded",
            id="still going back",
        ),
        pytest.param(
            "abort",
            lambda: situations.with_users().pods("canary", pods.crashing).later(1),
            "is rolling back already",
            id="rolling back",
        ),
        pytest.param(
            "rollback", situations.serving, "--to says where to; the history has no other", id="nowhere to"
        ),
        pytest.param(
            "rollback", lambda: Play().apply(model={"image": V1}), "nothing is stable yet", id="new"
        ),
        pytest.param("abort", lambda: Play().apply(model={"image": V1}), "it has no status yet", id="unseen"),
    ],
)
def test_where_there_is_nothing_to_decide_on_a_sentence_says_so(
    action: str, situation: Callable[[], Play], sentence: str
) -> None:
    told = refused("decide", action, "churn", "-n", "shop", server=a_cluster(situation()))
    assert told.startswith("seatrial: ModelDeployment shop/churn: ")
    assert sentence in told


def test_a_rollback_without_a_target_names_those_there_are() -> None:
    server, first = a_cluster(promoted()), situations.serving().revision("stable")
    told = refused("decide", "rollback", "churn", "-n", "shop", server=server)
    assert f"--to says where to; the history has {first}, newest first" in told
    words = ["--to", "0123456789"]
    assert f"those are: {first}\n" in refused(
        "decide", "rollback", "churn", "-n", "shop", *words, server=server
    )


def test_what_was_said_wins() -> None:
    server = a_cluster(retried())
    body = yaml.safe_load(printed(*ABORT, "--attempt", "7", "--by", "ann", server=server))
    assert (body["spec"]["attempt"], body["spec"]["decidedBy"]) == (7, "ann")
    assert [request.method for request in server.requests] == ["GET"]


def test_who_decides_is_asked_alone_where_the_rest_was_said() -> None:
    server = a_cluster()
    text = printed(*ABORT, "--revision", "9f3c2a71d0", "--attempt", "1", server=server)
    assert yaml.safe_load(text)["spec"]["decidedBy"] == ME
    assert [(request.method, request.path) for request in server.requests] == [("POST", REVIEW.path())]


def test_the_attempt_of_another_revision_is_not_taken_for_that_of_the_said() -> None:
    play = situations.with_users()
    told = refused(*ABORT, "--revision", "0123456789", server=a_cluster(play))
    assert f"the status speaks of {play.revision('canary')}; for 0123456789 say --attempt as well" in told


def test_with_apply_the_decision_is_created() -> None:
    play = situations.with_users()
    server = a_cluster(play)
    text = printed(*ABORT, "--reason", "p99", "--apply", "--context", "prod", server=server)
    (made,) = server.all(kinds.ROLLOUT_DECISION)
    name, revision = made["metadata"]["name"], play.revision("canary")
    assert made["metadata"]["namespace"] == "shop"
    assert made["spec"] == decided("abort", play, "--reason", "p99")["spec"]
    assert text == (
        f"created RolloutDecision shop/{name}: Abort of {revision}, attempt 1, by {ME}\n"
        f"what becomes of it: kubectl get rdec {name} -n shop --context prod\n"
    )


def test_without_apply_nothing_is_written() -> None:
    server = a_cluster(situations.with_users())
    printed(*ABORT, server=server)
    assert server.writes == []
    assert server.all(kinds.ROLLOUT_DECISION) == []


def test_all_said_is_created_without_a_look_at_the_object() -> None:
    server = a_cluster()
    printed(*ABORT, "--revision", "9f3c2a71d0", "--attempt", "1", "--by", ME, "--apply", server=server)
    assert [(request.method, request.path) for request in server.requests] == [
        ("POST", kinds.ROLLOUT_DECISION.path("shop"))
    ]


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        pytest.param(401, "the API server does not know who asks; log in again", id="not logged in"),
        pytest.param(403, "the API server refuses: a planned fault", id="not allowed"),
        pytest.param(0, "the API server cannot be reached: connection reset by peer", id="no network"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_server_that_does_not_answer_is_a_sentence(method: str, fault: int, sentence: str) -> None:
    server = a_cluster(situations.with_users())
    server.faults.fail_next(1, fault, lambda request: request.method == method)
    assert sentence in refused(*ABORT, "--by", ME, "--apply", server=server)


def test_a_lost_answer_says_that_the_decision_may_have_been_created() -> None:
    server = a_cluster(situations.with_users())
    server.faults.fail_next(1, 0, lambda request: request.method == "POST", after=True)
    told = refused(*ABORT, "--by", ME, "--apply", server=server)
    assert (
        "whether the RolloutDecision was created is not known: kubectl get rolloutdecisions -n shop" in told
    )


def test_an_object_that_is_not_there_says_where_it_was_looked_for() -> None:
    told = refused("decide", "abort", "churn", "-n", "other", server=a_cluster(situations.with_users()))
    assert "there is no ModelDeployment churn in namespace other of this cluster" in told


def test_a_server_too_old_to_say_who_asks_leads_to_the_option() -> None:
    server = a_cluster(situations.with_users())
    server.raw.clear()
    assert "who decides is not known, say --by: the API server refuses: " in refused(*ABORT, server=server)
