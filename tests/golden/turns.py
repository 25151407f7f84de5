"""Specs and decisions that change a rollout in progress."""

from __future__ import annotations

from tests.golden import pods, situations
from tests.golden.play import V1, V2, V3, Play


@situations.situation
def superseded_under_users() -> Play:
    return situations.with_users().apply(model={"image": V3})


@situations.situation
def superseded_while_it_drains() -> Play:
    return situations.with_users().apply(model={"image": V3}).later(10)


@situations.situation
def reverted_under_users() -> Play:
    return situations.with_users().apply(model={"image": V1})


@situations.situation
def reverted_after_a_rejection() -> Play:
    return (
        situations.canary()
        .later(10)
        .pods("canary", pods.crashing)
        .rest()
        .wait(3600)
        .apply(model={"image": V1})
    )


@situations.situation
def returned_to_a_revision_of_history() -> Play:
    return situations.canary().rest().wait(3600).apply(model={"image": V1})


@situations.situation
def paused_by_the_spec_under_users() -> Play:
    return situations.with_users().apply(paused=True)


@situations.situation
def unpaused_by_the_spec() -> Play:
    return situations.with_users().apply(paused=True).later(600).apply(paused=False)


@situations.situation
def paused_by_a_decision() -> Play:
    return situations.with_users().decide("Pause")


@situations.situation
def resumed_by_a_decision() -> Play:
    return situations.with_users().decide("Pause").later(600).decide("Resume")


@situations.situation
def promoted_by_a_decision() -> Play:
    return situations.with_users().decide("Promote", attempt=1)


@situations.situation
def skipped_by_a_decision() -> Play:
    return situations.with_users().decide("Skip", step=1)


@situations.situation
def aborted_by_a_decision() -> Play:
    return situations.with_users().decide("Abort", attempt=1)


@situations.situation
def retried_by_a_decision() -> Play:
    return (
        situations.canary().later(10).pods("canary", pods.crashing).rest().wait(60).decide("Retry", attempt=1)
    )


@situations.situation
def rolled_back_by_a_decision() -> Play:
    play = situations.serving()
    target = play.revision("stable")
    play.wait(3600).apply(model={"image": V2}).rest().wait(3600)
    return play.decide("Rollback", revision=play.revision("stable"), toRevision=target)


@situations.situation
def decision_of_another_attempt() -> Play:
    return situations.with_users().decide("Abort", attempt=2)


@situations.situation
def steps_edited_under_users() -> Play:
    steps = [{"weight": 10, "hold": "1m"}, {"weight": 30, "hold": "1m"}]
    return situations.with_users().apply(rollout={"steps": steps})


@situations.situation
def third_revision_waits_for_the_pods_of_the_first() -> Play:
    return situations.with_users().later(406).apply(model={"image": V3})
