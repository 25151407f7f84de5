"""`seatrial decide` without a cluster: the manifest of a decision, or the validation error of the API."""

from __future__ import annotations

from datetime import timedelta

import pytest
import yaml

from seatrial.api import names, rollout_decision
from seatrial.cli import decision_spec
from tests.unit.cli.commands import DECIDED_AT, DECISION_PREFIX, error_of, output_of

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


def test_every_action_of_the_api_is_a_command_line_action() -> None:
    assert set(COMPLETE) == {str(action).lower() for action in rollout_decision.Action}


@pytest.mark.parametrize("action", sorted(COMPLETE))
def test_the_manifest_has_the_given_fields_and_no_others(action: str) -> None:
    body = yaml.safe_load(output_of("decide", action, "churn", *REVISION, *BY, *COMPLETE[action]))
    options = dict(zip(COMPLETE[action][::2], COMPLETE[action][1::2], strict=True))
    fields = {FIELDS[option]: int(value) if value.isdigit() else value for option, value in options.items()}
    assert (body["apiVersion"], body["kind"]) == (names.API_VERSION, names.DECISION_KIND)
    assert body["metadata"] == {"generateName": DECISION_PREFIX}
    assert body["spec"] == {
        "deployment": "churn",
        "revision": "9f3c2a71d0",
        "action": action.capitalize(),
        "decidedBy": "jo@shop.example",
        **fields,
    }


MISPLACED_OPTIONS = [
    (action, option) for action in sorted(COMPLETE) for option in FIELDS if option not in COMPLETE[action]
]


@pytest.mark.parametrize("common", [[*REVISION, *BY], []], ids=["offline", "with a cluster"])
@pytest.mark.parametrize(("action", "option"), MISPLACED_OPTIONS)
def test_an_option_of_another_action_is_rejected(action: str, option: str, common: list[str]) -> None:
    value = "41b07c55ee" if option == "--to" else "1"
    error = error_of("decide", action, "churn", *common, *COMPLETE[action], option, value)
    assert f"spec: {FIELDS[option]} is required with" in error
    assert error.endswith(" and not allowed with other actions\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(
            ["pause", "Churn", *REVISION, *BY],
            "spec.deployment: expected the name of a ModelDeployment",
            id="capital letter",
        ),
        pytest.param(
            ["pause", "a/../b", "--apply"],
            "spec.deployment: expected the name of a ModelDeployment",
            id="a path, rejected before a cluster is contacted",
        ),
        pytest.param(
            ["pause", "churn", "--revision", "latest", *BY],
            'spec.revision: expected a revision of the status, ten hex digits, got "latest"',
            id="not a revision",
        ),
        pytest.param(
            ["pause", "churn", *REVISION, "--by", ""],
            "spec.decidedBy: expected a string with a length of at least 1",
            id="empty user name",
        ),
        pytest.param(
            ["abort", "churn", *REVISION, *BY, "--attempt", "0"],
            "spec.attempt: expected a value greater than or equal to 1, got 0",
            id="attempt 0",
        ),
        pytest.param(
            ["rollback", "churn", *REVISION, *BY, "--to", "9f3c2a71d0"],
            "toRevision must differ from revision",
            id="rollback to itself",
        ),
        pytest.param(
            ["pause", "churn", *REVISION, *BY, "--reason", "x" * 513],
            "spec.reason: expected a string of at most 512 characters",
            id="reason too long",
        ),
    ],
)
def test_what_the_api_would_reject_is_rejected_without_a_cluster(arguments: list[str], sentence: str) -> None:
    error = error_of("decide", *arguments)
    assert error.startswith("seatrial: spec")
    assert sentence in error


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(["decide", "approve", "churn"], "invalid choice: 'approve'", id="unknown action"),
        pytest.param(
            ["decide", "abort", "churn", *REVISION, *BY, "--attempt", "one"], "invalid int", id="not a number"
        ),
        pytest.param(["decide", "pause"], "required: name", id="no name"),
        pytest.param(["plan"], "required: -f/--filename", id="plan without files"),
        pytest.param([], "required: COMMAND", id="no command"),
        pytest.param(["apply"], "invalid choice: 'apply'", id="unknown command"),
    ],
)
def test_an_invalid_command_line_is_explained(arguments: list[str], sentence: str) -> None:
    assert sentence in error_of(*arguments)


@pytest.mark.parametrize("text", ["yes", "2026-11-21", "a: b", "it's 5 %", "*", "line\nbreak", "0123456789"])
def test_strings_are_quoted_where_yaml_needs_it(text: str) -> None:
    body = yaml.safe_load(output_of("decide", "pause", "churn", *REVISION, "--by", text, "--reason", text))
    assert (body["spec"]["decidedBy"], body["spec"]["reason"]) == (text, text)


def test_a_revision_of_digits_stays_a_string() -> None:
    body = yaml.safe_load(output_of("decide", "pause", "churn", "--revision", "0123456789", *BY))
    assert body["spec"]["revision"] == "0123456789"


def test_the_former_option_to_revision_still_works() -> None:
    former, current = (
        output_of("decide", "rollback", "churn", *REVISION, *BY, option, "41b07c55ee")
        for option in ("--to-revision", "--to")
    )
    assert former == current


def test_the_names_of_decisions_sort_by_time() -> None:
    spec = {"deployment": "churn", "revision": "9f3c2a71d0", "action": "Pause", "decidedBy": "jo"}
    times = [DECIDED_AT + timedelta(minutes=minutes) for minutes in (0, 1, 60, 24 * 60, 60 * 24 * 60)]
    bodies = [decision_spec.manifest(spec, namespace="shop", now=time) for time in times]
    prefixes = [body["metadata"]["generateName"] for body in bodies]
    assert prefixes == sorted(set(prefixes))


def test_the_name_of_a_decision_is_short_enough_for_every_deployment() -> None:
    spec = {
        "deployment": "a" * names.NAME_MAX_LENGTH,
        "revision": "9f3c2a71d0",
        "action": "Pause",
        "decidedBy": "jo",
    }
    body = decision_spec.manifest(spec, namespace="shop", now=DECIDED_AT)
    assert len(body["metadata"]["generateName"]) + len("x7k2p") <= 63
