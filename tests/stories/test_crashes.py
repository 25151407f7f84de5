"""A crash, a failed write or a lost response at any write of a rollout does not change its final state."""

from __future__ import annotations

import functools

import pytest

from tests.stories import replayed_stories
from tests.stories.operator_transport import Side
from tests.stories.replayed_stories import REPLAYED_STORIES, Replay
from tests.stories.world import World


@functools.cache
def undisturbed_run(name: str) -> Replay:
    """Return the replay of this story without any failure."""
    return replayed_stories.replay(name)


@pytest.mark.slow
@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("name", REPLAYED_STORIES)
def test_crash_at_any_write_does_not_change_the_final_state(name: str, side: Side) -> None:
    expected = undisturbed_run(name)
    assert expected.writes > 15
    for number in range(1, expected.writes + 1):

        def crash(world: World, number: int = number) -> None:
            world.transport.crash_at(number, side)

        actual = replayed_stories.replay(name, crash)
        assert actual.final_state == expected.final_state, f"crashed {side} write {number}"


@pytest.mark.slow
@pytest.mark.parametrize("name", REPLAYED_STORIES)
def test_lost_response_to_any_write_does_not_change_the_final_state(name: str) -> None:
    expected = undisturbed_run(name)
    for number in range(1, expected.writes + 1):

        def lose_response(world: World, number: int = number) -> None:
            world.transport.fail_write(number, 0, after=True)

        actual = replayed_stories.replay(name, lose_response)
        assert actual.final_state == expected.final_state, f"no response to write {number}"


@pytest.mark.parametrize(
    ("status", "after"),
    [
        pytest.param(409, False, id="409"),
        pytest.param(429, False, id="429"),
        pytest.param(500, False, id="500"),
        pytest.param(500, True, id="500 but carried out"),
        pytest.param(0, False, id="no response"),
        pytest.param(0, True, id="no response but carried out"),
    ],
)
@pytest.mark.parametrize("name", REPLAYED_STORIES)
def test_failed_first_attempt_of_every_write_does_not_change_the_final_state(
    name: str, status: int, after: bool
) -> None:
    expected = undisturbed_run(name)
    actual = replayed_stories.replay(
        name, lambda world: world.transport.fail_first_attempts(status, after=after)
    )
    assert actual.final_state == expected.final_state
