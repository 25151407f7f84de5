"""Options of `seatrial plan` that say something impossible, or go to the limit of what is possible."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden.play import V1, V2, Play
from tests.unit.cli.commands import a_deployment, file_of, printed, refused, stored


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("- a", "settings: expected an object, got a list of 1", id="a list"),
        pytest.param(
            "runtime: {}", 'unknown field "settings.runtime"; known fields: runtimes,', id="a typing error"
        ),
        pytest.param("plainHttp: perhaps", "settings.plainHttp: expected true or false", id="perhaps"),
        pytest.param("{", "is not YAML", id="half an object"),
        pytest.param("[" * 3000, "is not YAML", id="too deep"),
    ],
)
def test_settings_that_cannot_be_used(tmp_path: Path, text: str, sentence: str) -> None:
    settings = file_of(tmp_path, text, name="settings.yaml")
    told = refused("plan", "-f", file_of(tmp_path, a_deployment()), "--settings", settings)
    assert f"{settings}: " in told
    assert sentence in told


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--now", "0001-01-01T00:00:00Z", "must be between 1970 and 3000"),
        ("--now", "3000-01-01T00:00:00Z", "must be between 1970 and 3000"),
        ("--build-seconds", "-1", "must be between 0 and 1000000; got -1"),
        ("--build-seconds", "9" * 20, "must be between 0 and 1000000"),
        ("--ready-after", "-5s", "expected a duration"),
        ("--ready-after", "", "expected a duration"),
    ],
)
def test_an_option_beyond_all_bounds(tmp_path: Path, option: str, value: str, sentence: str) -> None:
    told = refused("plan", "-f", file_of(tmp_path, a_deployment()), f"{option}={value}")
    assert told.startswith(f"seatrial: {option}: {sentence}")


def test_the_longest_rollout_stays_in_the_calendar(tmp_path: Path) -> None:
    steps = [{"weight": n + 1, "hold": "99999h"} for n in range(20)]
    story = (
        Play().apply(model={"image": V1}, rollout={"steps": steps}).rest().apply(model={"image": V2}).story()
    )
    arguments = stored(tmp_path, story)
    arguments[arguments.index("--now") + 1] = "2999-12-31T23:59:59Z"
    text = printed(*arguments, "--ready-after", "9m")
    assert "20 steps, at least 83332d," in text
    assert "ends Healthy" in text
