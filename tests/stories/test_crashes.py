"""The operator may be killed before or after any write: the end is the same."""

from __future__ import annotations

import functools

import pytest

from tests.stories import replayed_stories
from tests.stories.operator_transport import Side
from tests.stories.replayed_stories import WHOLES, Played
from tests.stories.world import World


@functools.cache
def undisturbed(name: str) -> Played:
    """How the story ends when nothing goes wrong."""
    return replayed_stories.played(name)


@pytest.mark.slow
@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("name", WHOLES)
def test_a_kill_at_any_write_changes_nothing_in_the_end(name: str, side: Side) -> None:
    whole = undisturbed(name)
    assert whole.writes > 15
    for number in range(1, whole.writes + 1):

        def killed(world: World, number: int = number) -> None:
            world.line.cut(number, side)

        assert replayed_stories.played(name, killed).end == whole.end, f"killed {side} write {number}"


@pytest.mark.slow
@pytest.mark.parametrize("name", WHOLES)
def test_an_answer_to_any_write_that_is_lost_changes_nothing_in_the_end(name: str) -> None:
    whole = undisturbed(name)
    for number in range(1, whole.writes + 1):

        def lost(world: World, number: int = number) -> None:
            world.line.fail(number, 0, after=True)

        assert replayed_stories.played(name, lost).end == whole.end, f"no answer to write {number}"


@pytest.mark.parametrize(
    ("status", "after"),
    [
        pytest.param(409, False, id="409"),
        pytest.param(429, False, id="429"),
        pytest.param(500, False, id="500"),
        pytest.param(500, True, id="500 although it was done"),
        pytest.param(0, False, id="no answer"),
        pytest.param(0, True, id="no answer although it was done"),
    ],
)
@pytest.mark.parametrize("name", WHOLES)
def test_every_write_may_need_a_second_try(name: str, status: int, after: bool) -> None:
    whole = undisturbed(name)
    ended = replayed_stories.played(name, lambda world: world.line.fail_each(status, after=after))
    assert ended.end == whole.end
