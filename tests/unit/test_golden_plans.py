"""The golden files: the plan of every situation is as a person has reviewed it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from seatrial.api.reasons import Reason
from tests.golden import play, review, starts, stories

PLANS = play.FOLDER / "plans"
LONGEST = 60
NAMES = sorted(stories.SITUATIONS)


def _assert_golden(path: Path, text: str, request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-golden"):
        path.write_text(text)
    assert path.read_text() == text, f"{path.name} differs: review it, and update it with --update-golden"


@pytest.mark.parametrize("name", NAMES)
def test_the_plan_of_a_situation_is_as_reviewed(name: str, request: pytest.FixtureRequest) -> None:
    _assert_golden(PLANS / f"{name}.yaml", review.golden_text(stories.SITUATIONS[name]), request)


def test_every_golden_file_has_a_situation() -> None:
    assert sorted(path.stem for path in PLANS.iterdir()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_file_fits_on_a_screen(name: str) -> None:
    assert len((PLANS / f"{name}.yaml").read_text().splitlines()) <= LONGEST


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_has_no_reason_that_the_api_does_not_list(name: str) -> None:
    _, plan = review.planned(stories.SITUATIONS[name])
    events = {event.reason for event in plan.events}
    assert events | set(_reasons_in(plan.status.to_dict())) <= set(Reason)


def _reasons_in(part: object) -> Iterator[str]:
    """Yield every reason of a status."""
    if isinstance(part, dict):
        yield from filter(None, [part.get("reason")])
        for below in part.values():
            yield from _reasons_in(below)
    elif isinstance(part, list):
        for below in part:
            yield from _reasons_in(below)


def test_one_child_of_each_kind_is_rendered_as_reviewed(request: pytest.FixtureRequest) -> None:
    sources = (starts.everything_but_a_build, starts.first_deploy_to_build)
    _assert_golden(play.FOLDER / "children.yaml", review.children_text(*sources), request)
