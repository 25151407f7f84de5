"""Every golden folder: the plan of its situation, and everything that follows from it, are as written there."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from seatrial.api import names, status_fields
from seatrial.cli import inputs, timeline, yaml_input, yaml_output
from seatrial.cli.starting_point import starting_point
from seatrial.simulation.timeline import timeline_of
from tests.golden import play, stories

FOLDER = play.FOLDER
NAMES = sorted(stories.SITUATIONS)


def _inputs_of(story: play.Story) -> dict[str, str]:
    return {
        "cr.yaml": yaml_output.to_yaml(story.cr),
        "observed.yaml": yaml_output.to_yaml(list(story.observed)),
        "now": status_fields.format_time(story.now) + "\n",
    }


def _outputs_of(folder: Path) -> dict[str, str]:
    """What the files of a folder lead to: nothing else is known here."""
    now = datetime.fromisoformat((folder / "now").read_text().strip().replace("Z", "+00:00"))
    deployment = inputs.single_deployment(yaml_input.read_objects(str(folder / "cr.yaml")), "cr.yaml")
    start = starting_point(deployment, yaml_input.read_objects(str(folder / "observed.yaml")), now)
    simulation = play.simulation()
    entries = timeline_of(simulation.passes(start.cluster, now))
    assumptions = timeline.Assumptions(timings=play.TIMINGS)
    return {
        "plan.yaml": yaml_output.plan_to_yaml(simulation.step(start.cluster, now).plan),
        "timeline.txt": timeline.render(f"{names.KIND} {start.key}", entries, assumptions),
    }


def _write(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


@pytest.mark.parametrize("name", NAMES)
def test_the_plan_of_a_situation_is_as_written(name: str, request: pytest.FixtureRequest) -> None:
    folder = FOLDER / name
    made = _inputs_of(stories.SITUATIONS[name]().story())
    if request.config.getoption("--update-golden"):
        _write(folder, made)
        _write(folder, _outputs_of(folder))
    found = {file.name: file.read_text() for file in folder.iterdir()}
    assert found == {**made, **_outputs_of(folder)}


def test_every_golden_folder_has_a_situation() -> None:
    assert sorted(path.name for path in FOLDER.iterdir() if (path / "cr.yaml").exists()) == NAMES
