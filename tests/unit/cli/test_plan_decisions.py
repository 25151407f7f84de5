"""`seatrial plan` of decisions, with or without the ModelDeployment in the files."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.api.rollout_decision import DecisionPhase
from tests.golden.play import V1, V2, Play
from tests.unit.cli.commands import (
    DECISION_PREFIX,
    error_of,
    model_deployment,
    output_of,
    plan_arguments,
    run_process,
    write_file,
)


def test_a_decision_of_the_decide_command_is_accepted(tmp_path: Path) -> None:
    play = (
        Play().apply(model={"image": V1}, scaling={"replicas": 3}).rest().apply(model={"image": V2}).later(45)
    )
    revision = play.revision("rollout")
    command = ["decide", "abort", "churn", "--revision", revision, "--attempt", "1", "--by", "jo"]
    process = run_process(output_of(*command), *plan_arguments(tmp_path, play.story()), "-f", "-")
    assert (process.returncode, process.stderr) == (0, "")
    assert f"answer RolloutDecision {DECISION_PREFIX}new: {DecisionPhase.TAKEN}: " in process.stdout
    assert "ends Rejected" in process.stdout


def test_the_plan_shows_that_a_decision_about_another_revision_is_rejected(tmp_path: Path) -> None:
    play = Play().apply(model={"image": V1}).rest()
    command = [
        "decide",
        "abort",
        "churn",
        "--revision",
        "0123456789",
        "--attempt",
        "1",
        "--by",
        "jo",
        "-n",
        "shop",
    ]
    text = output_of(*plan_arguments(tmp_path, play.story()), "-f", write_file(tmp_path, output_of(*command)))
    assert f"answer RolloutDecision {DECISION_PREFIX}new: {DecisionPhase.REFUSED}: " in text
    assert f"Warning: at 12:00:45Z {DecisionPhase.REFUSED.reason}: " in text


def receiving_traffic() -> Play:
    """The canary receives its first traffic."""
    return (
        Play().apply(model={"image": V1}, scaling={"replicas": 3}).rest().apply(model={"image": V2}).later(45)
    )


def abort(play: Play, *more: str) -> str:
    """Return the decision to abort the rollout in progress."""
    options = ["--revision", play.revision("rollout"), "--attempt", "1", "--by", "jo"]
    return output_of("decide", "abort", "churn", *options, *more)


def test_a_decision_alone_is_planned_with_the_deployment_of_the_snapshot(tmp_path: Path) -> None:
    play = receiving_traffic()
    arguments = plan_arguments(tmp_path, play.story())
    decision = write_file(tmp_path, abort(play))
    both = output_of(*arguments, "-f", decision)
    arguments[arguments.index("-f") + 1] = decision
    assert output_of(*arguments) == both
    assert f"answer RolloutDecision {DECISION_PREFIX}new: {DecisionPhase.TAKEN}: " in both


@pytest.mark.parametrize("others", [[], ["web"]], ids=["alone", "with another deployment"])
def test_a_decision_about_a_deployment_in_no_file_is_rejected_with_a_remedy(
    tmp_path: Path, others: list[str]
) -> None:
    decision = output_of("decide", "pause", "churn", "--revision", "0123456789", "--by", "jo")
    path = write_file(tmp_path, decision, *(model_deployment(name) for name in others))
    assert error_of("plan", "-f", path) == (
        f"seatrial: {path}: RolloutDecision {DECISION_PREFIX}new refers to ModelDeployment churn, which is in no file: "
        "add a snapshot that contains it with --against; see seatrial plan --help\n"
    )


def test_a_decision_in_another_namespace_is_about_another_deployment(tmp_path: Path) -> None:
    play = receiving_traffic()
    decision = write_file(tmp_path, abort(play, "-n", "other"))
    assert "refers to ModelDeployment churn, which is in no file" in error_of(
        *plan_arguments(tmp_path, play.story()), "-f", decision
    )


def test_two_decisions_with_generated_names_are_both_answered(tmp_path: Path) -> None:
    play = receiving_traffic()
    text = output_of(
        *plan_arguments(tmp_path, play.story()), "-f", write_file(tmp_path, abort(play), abort(play))
    )
    assert f"answer RolloutDecision {DECISION_PREFIX}new: {DecisionPhase.TAKEN}: " in text
    assert f"answer RolloutDecision {DECISION_PREFIX}new-2: {DecisionPhase.REFUSED}: " in text
