"""The rollout of a canary, and what can go wrong with it."""

from __future__ import annotations

from seatrial.api.objects import Body
from tests.golden import pods, situations
from tests.golden.play import V2, Play


@situations.situation
def new_image_beside_stable() -> Play:
    return situations.canary()


@situations.situation
def new_environment_of_the_same_build() -> Play:
    env = [{"name": "LOG_LEVEL", "value": "debug"}]
    return situations.serving(model=situations.URI).wait(3600).apply(serving={"env": env})


@situations.situation
def canary_gets_its_first_users() -> Play:
    return situations.canary().later(10).wait(5)


@situations.situation
def canary_holds_its_share() -> Play:
    return situations.with_users()


@situations.situation
def canary_step_is_over() -> Play:
    return situations.with_users().wait(90)


@situations.situation
def canary_waits_for_the_pods_of_its_next_step() -> Play:
    return situations.with_users(scaling={"replicas": 6}).later(92)


@situations.situation
def canary_is_promoted() -> Play:
    return situations.with_users().later(404).wait(1)


@situations.situation
def promoted_a_moment_ago() -> Play:
    return situations.with_users().later(406)


@situations.situation
def old_pods_leave_after_the_delay() -> Play:
    return situations.with_users().later(406).wait(30)


@situations.situation
def canary_crashes_before_it_has_users() -> Play:
    return situations.canary().later(10).pods("canary", pods.crashing)


@situations.situation
def canary_is_killed_for_memory_under_its_users() -> Play:
    return situations.with_users().pods("canary", pods.killed_for_memory("2026-11-21T13:01:10Z"))


@situations.situation
def canary_loses_its_only_pod_to_a_drain() -> Play:
    return situations.with_users().losing_pods("canary")


@situations.situation
def canary_cannot_pull_its_image() -> Play:
    return situations.canary().later(10).pods("canary", pods.unable_to_pull)


@situations.situation
def canary_finds_no_node() -> Play:
    return situations.canary().later(10).pods("canary", pods.without_a_node).wait(300)


@situations.situation
def canary_makes_no_progress() -> Play:
    return situations.canary().later(10).pods("canary", pods.not_ready).later(600)


@situations.situation
def canary_fails_while_stable_is_sick() -> Play:
    play = situations.with_users().pods("stable", pods.not_ready)
    return play.pods("canary", _one_exit)


def _one_exit(pod: Body) -> Body:
    pod["status"]["containerStatuses"][0].update(
        restartCount=1,
        lastState={"terminated": {"exitCode": 3, "finishedAt": "2026-11-21T13:01:10Z"}},
    )
    return pod


@situations.situation
def stable_dies_while_the_canary_answers() -> Play:
    return situations.with_users().pods("stable", pods.not_ready)


@situations.situation
def going_back_with_users_gone() -> Play:
    return situations.with_users().pods("canary", pods.crashing).later(10)


@situations.situation
def rejected_and_at_rest() -> Play:
    return situations.canary().later(10).pods("canary", pods.crashing).rest()


@situations.situation
def recreated() -> Play:
    return situations.canary(rollout={"strategy": "Recreate"})


@situations.situation
def recreated_once_the_old_pods_are_gone() -> Play:
    return situations.canary(rollout={"strategy": "Recreate"}).later(5)


@situations.situation
def too_few_pods_for_so_small_a_share() -> Play:
    rollout = {"steps": [{"weight": 5, "hold": "2m"}]}
    traffic = {"replicas": {"whenTooFew": "Hold"}}
    return situations.canary(rollout=rollout, traffic=traffic).later(15)


@situations.situation
def autoscaled_canary_follows_the_pods_of_stable() -> Play:
    play = situations.serving(scaling={"minReplicas": 2, "maxReplicas": 10}).wait(600)
    name = f"churn-{play.revision('stable')}"
    play.edited("Deployment", situations.scaled(8), name).later(15)
    return play.apply(model={"image": V2}).later(14).wait(1)
