"""A canary is judged by the requests of its users: stopped when it fails them, promoted when it does not."""

from __future__ import annotations

from typing import Any

from seatrial.api.objects import Body
from tests.apiserver.played_requests import Answers
from tests.stories.specs import image, spec
from tests.stories.world import World, run_story

ERRORS = [{"name": "errors", "successRate": {"min": 0.99}}]
VERSUS_STABLE = [{"name": "versus-stable", "successRate": {"notWorseThanStableBy": 0.01}}]
LATENCY = [{"name": "latency", "latency": {"quantile": 0.99, "max": "250ms"}}]


async def update(world: World, *, per_second: float, answers: dict[str, Answers], **rollout: Any) -> None:
    """Let v1 be stable with this many requests per second, and apply v2; images answer as given."""
    users = world.server.requests_of_users
    users.per_second = per_second
    users.answers = lambda name: answers.get(name, Answers())
    await world.apply(spec("v1", **rollout))
    await world.wait_for_phase("Healthy")
    await world.apply(spec("v2", **rollout))


def check_of(status: Body, name: str) -> Body:
    return next(check for check in status["rollout"]["checks"] if check["name"] == name)


def test_a_canary_that_fails_for_users_is_rolled_back_in_seconds() -> None:
    async def story(world: World) -> None:
        await update(world, per_second=50, answers={image("v2"): Answers(failed=0.3)}, checks=ERRORS)
        await world.wait_until(lambda status: status["canary"]["weight"] > 0)
        since = world.now()
        status = await world.wait_until(lambda status: status["rollout"]["phase"] == "RollingBack")
        assert (world.now() - since).total_seconds() <= 25
        assert status["rollout"]["reason"] == "CheckFailed"
        rejected = await world.wait_until(lambda status: status["rollout"]["phase"] == "Rejected")
        assert rejected["rejected"][0]["reason"] == "CheckFailed"
        assert rejected["stable"]["weight"] == 100

    run_story(story)


def test_a_canary_that_keeps_to_every_limit_is_promoted_in_the_time_of_its_steps() -> None:
    async def story(world: World) -> None:
        checks = [*ERRORS, *VERSUS_STABLE, *LATENCY]
        await update(world, per_second=100, answers={}, checks=checks)
        await world.wait_until(lambda status: status["canary"]["weight"] > 0)
        since = world.now()
        status = await world.wait_until(
            lambda status: status["rollout"]["phase"] == "Stable" and "canary" not in status
        )
        assert (world.now() - since).total_seconds() < 150
        assert status["rollout"]["revision"] == status["stable"]["revision"]

    run_story(story)


def test_slow_answers_stop_a_canary() -> None:
    async def story(world: World) -> None:
        await update(world, per_second=50, answers={image("v2"): Answers(slow=0.2)}, checks=LATENCY)
        status = await world.wait_until(lambda status: status["rollout"]["phase"] == "RollingBack")
        assert status["rollout"]["reason"] == "CheckFailed"
        assert check_of(status, "latency")["verdict"] == "Fail"

    run_story(story)


def test_stable_that_fails_as_well_is_not_blamed_on_the_canary() -> None:
    async def story(world: World) -> None:
        sick = Answers(failed=0.3)
        answers = {image("v1"): sick, image("v2"): sick}
        await update(world, per_second=50, answers=answers, checks=[{**VERSUS_STABLE[0], "tolerance": 0.3}])
        status = await world.wait_until(
            lambda status: status["rollout"]["phase"] == "Stable" and "canary" not in status
        )
        assert status["history"][0]["outcome"] == "Promoted"

    run_story(story)


def test_a_canary_without_requests_is_promoted_without_delay_by_default() -> None:
    async def story(world: World) -> None:
        await update(world, per_second=0, answers={})
        await world.wait_until(lambda status: status["canary"]["weight"] > 0)
        since = world.now()
        await world.wait_until(
            lambda status: status["rollout"]["phase"] == "Stable" and "canary" not in status
        )
        assert (world.now() - since).total_seconds() < 150

    run_story(story)


def test_a_canary_without_requests_waits_for_evidence_where_checks_are_asked_for() -> None:
    async def story(world: World) -> None:
        await update(world, per_second=0, answers={}, checks=ERRORS)
        await world.wait_until(lambda status: status["rollout"]["waitingFor"] == "Evidence")
        await world.wait(900)
        status = await world.status()
        assert status["rollout"]["step"] == 1
        assert check_of(status, "errors")["verdict"] == "NoData"
        world.server.requests_of_users.per_second = 50
        await world.wait_until(
            lambda status: status["rollout"]["phase"] == "Stable" and "canary" not in status
        )

    run_story(story)


def test_metrics_that_cannot_be_read_for_a_while_only_delay_a_canary() -> None:
    async def story(world: World) -> None:
        users = world.server.requests_of_users
        await update(world, per_second=50, answers={}, checks=ERRORS)
        users.unreachable = lambda _pod: True
        await world.wait_until(lambda status: status["rollout"]["waitingFor"] == "Evidence")
        status = await world.status()
        assert check_of(status, "errors")["verdict"] == "Error"
        assert "cannot be read" in check_of(status, "errors")["message"]
        users.unreachable = lambda _pod: False
        await world.wait_until(
            lambda status: status["rollout"]["phase"] == "Stable" and "canary" not in status
        )

    run_story(story)


def test_a_restart_of_the_operator_changes_no_evidence() -> None:
    async def story(world: World) -> None:
        await update(world, per_second=20, answers={}, checks=ERRORS)
        await world.wait_until(lambda status: check_of(status, "errors")["samples"] > 100)
        before = check_of(await world.status(), "errors")["samples"]
        await world.restart_operator()
        await world.wait(15)
        after = check_of(await world.status(), "errors")["samples"]
        assert before < after <= before + 20 * 30

    run_story(story, ends_idle=False)


def test_a_rollout_that_holds_writes_its_status_at_most_once_per_look() -> None:
    async def story(world: World) -> None:
        await update(world, per_second=50, answers={}, checks=ERRORS, steps=[{"weight": 25, "hold": "20m"}])
        await world.wait_until(lambda status: check_of(status, "errors")["samples"] > 0)
        before = len(world.transport.writes)
        await world.wait(300)
        assert len(world.transport.writes) - before <= 6 * 5 + 3

    run_story(story, ends_idle=False)
