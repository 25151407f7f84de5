"""What `seatrial plan` makes of decisions, beside the object that they speak of and alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden.play import V1, V2, Play
from tests.unit.cli.commands import a_deployment, file_of, piped, printed, refused, stored


def test_a_decision_from_the_command_beside_it_is_taken(tmp_path: Path) -> None:
    play = (
        Play().apply(model={"image": V1}, scaling={"replicas": 3}).rest().apply(model={"image": V2}).later(45)
    )
    revision = play.revision("rollout")
    words = ["decide", "abort", "churn", "--revision", revision, "--attempt", "1", "--by", "jo"]
    done = piped(printed(*words), *stored(tmp_path, play.story()), "-f", "-")
    assert (done.returncode, done.stderr) == (0, "")
    assert "answer RolloutDecision churn-new: Taken: " in done.stdout
    assert "ends Degraded" in done.stdout


def test_a_decision_about_another_revision_is_refused_in_the_plan(tmp_path: Path) -> None:
    play = Play().apply(model={"image": V1}).rest()
    words = [
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
    text = printed(*stored(tmp_path, play.story()), "-f", file_of(tmp_path, printed(*words)))
    assert "answer RolloutDecision churn-new: Refused" in text
    assert "Warning: at 12:00:45Z DecisionRefused: Abort of 0123456789 by jo" in text


def crowded() -> Play:
    """The canary has its first users."""
    return (
        Play().apply(model={"image": V1}, scaling={"replicas": 3}).rest().apply(model={"image": V2}).later(45)
    )


def abort(play: Play, *more: str) -> str:
    """The decision to abort what is on its way."""
    words = ["--revision", play.revision("rollout"), "--attempt", "1", "--by", "jo"]
    return printed("decide", "abort", "churn", *words, *more)


def test_a_decision_alone_is_about_the_object_of_the_snapshot(tmp_path: Path) -> None:
    play = crowded()
    arguments = stored(tmp_path, play.story())
    decided = file_of(tmp_path, abort(play))
    both = printed(*arguments, "-f", decided)
    arguments[arguments.index("-f") + 1] = decided
    assert printed(*arguments) == both
    assert "answer RolloutDecision churn-new: Taken: " in both


@pytest.mark.parametrize("beside", [[], ["web"]], ids=["nothing", "another object"])
def test_a_decision_about_an_object_in_no_file_says_what_to_add(tmp_path: Path, beside: list[str]) -> None:
    decided = printed("decide", "pause", "churn", "--revision", "0123456789", "--by", "jo")
    given = file_of(tmp_path, decided, *(a_deployment(name) for name in beside))
    assert refused("plan", "-f", given) == (
        f"seatrial: {given}: RolloutDecision churn-new speaks of ModelDeployment churn, which is in no file: add a "
        "snapshot that has it with --against; seatrial plan --help says how one is made\n"
    )


def test_a_decision_of_another_namespace_is_about_another_object(tmp_path: Path) -> None:
    play = crowded()
    decided = file_of(tmp_path, abort(play, "-n", "other"))
    assert "speaks of ModelDeployment churn, which is in no file" in refused(
        *stored(tmp_path, play.story()), "-f", decided
    )


def test_two_decisions_that_the_server_names_are_both_answered(tmp_path: Path) -> None:
    play = crowded()
    text = printed(*stored(tmp_path, play.story()), "-f", file_of(tmp_path, abort(play), abort(play)))
    assert "answer RolloutDecision churn-new: Taken: " in text
    assert "answer RolloutDecision churn-new-2: Refused: " in text
