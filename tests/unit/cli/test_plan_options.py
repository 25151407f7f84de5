"""Options of `seatrial plan` with invalid values, and with values at their limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden.play import V1, V2, Play
from tests.unit.cli.commands import error_of, model_deployment, output_of, plan_arguments, write_file


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param("- a", "settings: expected an object, got a list of 1", id="a list"),
        pytest.param(
            "runtime: {}", 'unknown field "settings.runtime"; known fields: runtimes,', id="unknown field"
        ),
        pytest.param("plainHttp: perhaps", "settings.plainHttp: expected true or false", id="not a boolean"),
        pytest.param("{", "invalid YAML", id="half an object"),
        pytest.param("[" * 3000, "invalid YAML", id="nested too deeply"),
    ],
)
def test_invalid_settings_are_rejected(tmp_path: Path, text: str, sentence: str) -> None:
    settings = write_file(tmp_path, text, name="settings.yaml")
    error = error_of("plan", "-f", write_file(tmp_path, model_deployment()), "--settings", settings)
    assert f"{settings}: " in error
    assert sentence in error


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--now", "0001-01-01T00:00:00Z", "expected a year between 1970 and 2999"),
        ("--now", "3000-01-01T00:00:00Z", "expected a year between 1970 and 2999"),
        ("--build-seconds", "-1", "expected a value between 0 and 1000000, got -1"),
        ("--build-seconds", "9" * 20, "expected a value between 0 and 1000000"),
        ("--ready-after", "-5s", "expected a duration"),
        ("--ready-after", "", "expected a duration"),
    ],
)
def test_an_option_outside_its_bounds_is_rejected(
    tmp_path: Path, option: str, value: str, sentence: str
) -> None:
    error = error_of("plan", "-f", write_file(tmp_path, model_deployment()), f"{option}={value}")
    assert error.startswith(f"seatrial: {option}: {sentence}")


def test_the_longest_rollout_can_be_planned(tmp_path: Path) -> None:
    steps = [{"weight": n + 1, "hold": "99999h"} for n in range(20)]
    story = (
        Play().apply(model={"image": V1}, rollout={"steps": steps}).rest().apply(model={"image": V2}).story()
    )
    arguments = plan_arguments(tmp_path, story)
    arguments[arguments.index("--now") + 1] = "2999-12-31T23:59:59Z"
    text = output_of(*arguments, "--ready-after", "9m")
    assert "20 steps, at least 83332d," in text
    assert "ends Healthy" in text
