"""`seatrial decide`: the manifest of a decision, or the sentence of the API that refuses it."""

from __future__ import annotations

import pytest
import yaml

from seatrial.api import names, rollout_decision
from tests.unit.cli.commands import printed, refused

REVISION = ["--revision", "9f3c2a71d0"]
BY = ["--by", "jo@shop.example"]
COMPLETE: dict[str, list[str]] = {
    "promote": ["--attempt", "1"],
    "abort": ["--attempt", "1"],
    "retry": ["--attempt", "2"],
    "skip": ["--step", "2"],
    "pause": [],
    "resume": [],
    "rollback": ["--to", "41b07c55ee"],
}
FIELDS = {"--attempt": "attempt", "--step": "step", "--to": "toRevision"}


def test_every_action_has_a_word() -> None:
    assert set(COMPLETE) == {str(action).lower() for action in rollout_decision.Action}


@pytest.mark.parametrize("action", sorted(COMPLETE))
def test_what_is_written_is_what_was_said_and_nothing_else(action: str) -> None:
    body = yaml.safe_load(printed("decide", action, "churn", *REVISION, *BY, *COMPLETE[action]))
    options = dict(zip(COMPLETE[action][::2], COMPLETE[action][1::2], strict=True))
    own = {FIELDS[option]: int(value) if value.isdigit() else value for option, value in options.items()}
    assert (body["apiVersion"], body["kind"]) == (names.API_VERSION, names.DECISION_KIND)
    assert body["metadata"] == {"generateName": "churn-"}
    assert body["spec"] == {
        "deployment": "churn",
        "revision": "9f3c2a71d0",
        "action": action.capitalize(),
        "decidedBy": "jo@shop.example",
        **own,
    }


STRAY = [
    (action, option) for action in sorted(COMPLETE) for option in FIELDS if option not in COMPLETE[action]
]


@pytest.mark.parametrize("said", [[*REVISION, *BY], []], ids=["all said", "the rest is to be read"])
@pytest.mark.parametrize(("action", "option"), STRAY)
def test_an_option_belongs_to_its_actions_alone(action: str, option: str, said: list[str]) -> None:
    value = "41b07c55ee" if option == "--to" else "1"
    told = refused("decide", action, "churn", *said, *COMPLETE[action], option, value)
    assert f"spec: {FIELDS[option]} is required with" in told
    assert told.endswith(" and not allowed with other actions\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(
            ["pause", "Churn", *REVISION, *BY],
            "spec.deployment: expected the name of a ModelDeployment",
            id="capital",
        ),
        pytest.param(
            ["pause", "a/../b", "--apply"],
            "spec.deployment: expected the name of a ModelDeployment",
            id="a path, before anybody is asked",
        ),
        pytest.param(
            ["pause", "churn", "--revision", "latest", *BY],
            'spec.revision: expected a revision of the status, ten hex digits, got "latest"',
            id="no revision",
        ),
        pytest.param(
            ["pause", "churn", *REVISION, "--by", ""],
            "spec.decidedBy: expected a string with a length of at least 1",
            id="nobody",
        ),
        pytest.param(
            ["abort", "churn", *REVISION, *BY, "--attempt", "0"],
            "spec.attempt: expected a value greater than or equal to 1, got 0",
            id="an attempt before the first",
        ),
        pytest.param(
            ["rollback", "churn", *REVISION, *BY, "--to", "9f3c2a71d0"],
            "toRevision must differ from revision",
            id="back to itself",
        ),
        pytest.param(
            ["pause", "churn", *REVISION, *BY, "--reason", "x" * 513],
            "spec.reason: expected a string of at most 512 characters",
            id="a novel",
        ),
    ],
)
def test_what_the_api_would_refuse_is_refused_here(arguments: list[str], sentence: str) -> None:
    told = refused("decide", *arguments)
    assert told.startswith("seatrial: spec")
    assert sentence in told


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(
            ["decide", "approve", "churn"], "invalid choice: 'approve'", id="a later version's action"
        ),
        pytest.param(
            ["decide", "abort", "churn", *REVISION, *BY, "--attempt", "one"], "invalid int", id="a word"
        ),
        pytest.param(["decide", "pause"], "required: name", id="no object"),
        pytest.param(["plan"], "required: -f/--filename", id="a plan of nothing"),
        pytest.param([], "required: COMMAND", id="no command"),
        pytest.param(["apply"], "invalid choice: 'apply'", id="a command of another program"),
    ],
)
def test_a_command_line_that_makes_no_sense_says_why(arguments: list[str], sentence: str) -> None:
    assert sentence in refused(*arguments)


@pytest.mark.parametrize("text", ["yes", "2026-11-21", "a: b", "it's 5 %", "*", "line\nbreak", "0123456789"])
def test_texts_arrive_as_they_were_said(text: str) -> None:
    body = yaml.safe_load(printed("decide", "pause", "churn", *REVISION, "--by", text, "--reason", text))
    assert (body["spec"]["decidedBy"], body["spec"]["reason"]) == (text, text)


def test_a_revision_of_digits_stays_a_text() -> None:
    body = yaml.safe_load(printed("decide", "pause", "churn", "--revision", "0123456789", *BY))
    assert body["spec"]["revision"] == "0123456789"


def test_the_former_word_for_the_target_still_works() -> None:
    former, now = (
        printed("decide", "rollback", "churn", *REVISION, *BY, option, "41b07c55ee")
        for option in ("--to-revision", "--to")
    )
    assert former == now
