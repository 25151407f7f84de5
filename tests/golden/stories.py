"""The situations that golden folders show; the name of each function is the name of its folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from model_runtime import contract
from seatrial.manifests.metadata import Body
from tests.golden import pods
from tests.golden.play import V1, V2, V3, Play

Situation = Callable[[], Play]
SITUATIONS: dict[str, Situation] = {}

URI = {"uri": "s3://models/churn/7/"}
STEPS = [{"weight": 20, "hold": "2m"}, {"weight": 50, "hold": "5m"}]
SETTINGS_MAP = {"envFrom": [{"configMapRef": {"name": "churn-settings"}}]}


def situation(make: Situation) -> Situation:
    """Registers a situation by its name."""
    SITUATIONS[make.__name__.replace("_", "-")] = make
    return make


def _serving(image: str = V1, **spec: Any) -> Play:
    """A revision that is stable and has three pods, unless told otherwise."""
    given = {"model": {"image": image}, "scaling": {"replicas": 3}, "rollout": {"steps": STEPS}, **spec}
    return Play().apply(**given).rest()


def _canary(**spec: Any) -> Play:
    """Another revision has been applied an hour later; nobody has looked yet."""
    return _serving(**spec).wait(3600).apply(model={"image": V2})


def _with_users(**spec: Any) -> Play:
    """The canary has its first share since 30 seconds."""
    return _canary(**spec).later(45)


def _settings(text: str) -> Body:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "churn-settings", "namespace": "shop", "resourceVersion": "7"},
        "data": {"LOG_LEVEL": text},
    }


@situation
def first_deploy_of_an_image() -> Play:
    return Play().apply(model={"image": V1}, scaling={"replicas": 3})


@situation
def first_deploy_to_build() -> Play:
    return Play().apply(model=URI)


@situation
def first_deploy_while_its_pods_start() -> Play:
    return Play().apply(model={"image": V1}, scaling={"replicas": 3}).later(10)


@situation
def first_deploy_that_crashes() -> Play:
    return Play().apply(model={"image": V1}, scaling={"replicas": 3}).later(10).pods("canary", pods.crashing)


@situation
def first_deploy_paused() -> Play:
    return Play().apply(model={"image": V1}, paused=True)


@situation
def zero_replicas() -> Play:
    return Play().apply(model={"image": V1}, scaling={"replicas": 0})


@situation
def build_ended_with_an_image() -> Play:
    return Play().apply(model=URI).later(30).wait(31)


@situation
def build_whose_source_is_missing() -> Play:
    report = contract.BuildReport(
        reason="SourceNotFound", message="s3://models/churn/7/ has no object; upload the model"
    )
    return Play().apply(model=URI).later(10).job_ends(report)


@situation
def build_that_needs_another_runtime() -> Play:
    report = contract.BuildReport(
        reason=contract.RUNTIME_MISMATCH, format="onnx", wanted_runtime="onnx", message="format onnx"
    )
    return Play().apply(model=URI).later(10).job_ends(report)


@situation
def build_that_failed_for_good_while_stable_serves() -> Play:
    report = contract.BuildReport(
        reason="ModelPickleRefused",
        message="model.pkl runs code when it is loaded; save it with skops, or set spec.model.allowPickle",
    )
    return _serving().wait(3600).apply(model=URI).later(10).job_ends(report)


@situation
def new_image_beside_stable() -> Play:
    return _canary()


@situation
def new_environment_of_the_same_build() -> Play:
    env = [{"name": "LOG_LEVEL", "value": "debug"}]
    return _serving(model=URI).wait(3600).apply(serving={"env": env})


@situation
def canary_gets_its_first_users() -> Play:
    return _canary().later(10).wait(5)


@situation
def canary_holds_its_share() -> Play:
    return _with_users()


@situation
def canary_step_is_over() -> Play:
    return _with_users().wait(90)


@situation
def canary_waits_for_the_pods_of_its_next_step() -> Play:
    return _with_users(scaling={"replicas": 6}).later(92)


@situation
def canary_is_promoted() -> Play:
    return _with_users().later(404).wait(1)


@situation
def promoted_a_moment_ago() -> Play:
    return _with_users().later(406)


@situation
def old_pods_leave_after_the_delay() -> Play:
    return _with_users().later(406).wait(30)


@situation
def canary_crashes_before_it_has_users() -> Play:
    return _canary().later(10).pods("canary", pods.crashing)


@situation
def canary_is_killed_for_memory_under_its_users() -> Play:
    return _with_users().pods("canary", pods.killed_for_memory("2026-11-21T13:01:10Z"))


@situation
def canary_loses_its_only_pod_to_a_drain() -> Play:
    return _with_users().losing_pods("canary")


@situation
def canary_cannot_pull_its_image() -> Play:
    return _canary().later(10).pods("canary", pods.unable_to_pull)


@situation
def canary_finds_no_node() -> Play:
    return _canary().later(10).pods("canary", pods.without_a_node).wait(300)


@situation
def canary_makes_no_progress() -> Play:
    return _canary().later(10).pods("canary", pods.not_ready).later(600)


@situation
def canary_fails_while_stable_is_sick() -> Play:
    play = _with_users().pods("stable", pods.not_ready)
    return play.pods("canary", _one_exit)


def _one_exit(pod: Body) -> Body:
    pod["status"]["containerStatuses"][0].update(
        restartCount=1,
        lastState={"terminated": {"exitCode": 3, "finishedAt": "2026-11-21T13:01:10Z"}},
    )
    return pod


@situation
def stable_dies_while_the_canary_answers() -> Play:
    return _with_users().pods("stable", pods.not_ready)


@situation
def going_back_with_users_gone() -> Play:
    return _with_users().pods("canary", pods.crashing).later(10)


@situation
def rejected_and_at_rest() -> Play:
    return _canary().later(10).pods("canary", pods.crashing).rest()


@situation
def superseded_under_users() -> Play:
    return _with_users().apply(model={"image": V3})


@situation
def superseded_while_it_drains() -> Play:
    return _with_users().apply(model={"image": V3}).later(10)


@situation
def reverted_under_users() -> Play:
    return _with_users().apply(model={"image": V1})


@situation
def reverted_after_a_rejection() -> Play:
    return _canary().later(10).pods("canary", pods.crashing).rest().wait(3600).apply(model={"image": V1})


@situation
def returned_to_a_revision_of_history() -> Play:
    return _canary().rest().wait(3600).apply(model={"image": V1})


@situation
def paused_by_the_spec_under_users() -> Play:
    return _with_users().apply(paused=True)


@situation
def unpaused_by_the_spec() -> Play:
    return _with_users().apply(paused=True).later(600).apply(paused=False)


@situation
def paused_by_a_decision() -> Play:
    return _with_users().decide("Pause")


@situation
def resumed_by_a_decision() -> Play:
    return _with_users().decide("Pause").later(600).decide("Resume")


@situation
def promoted_by_a_decision() -> Play:
    return _with_users().decide("Promote", attempt=1)


@situation
def skipped_by_a_decision() -> Play:
    return _with_users().decide("Skip", step=1)


@situation
def aborted_by_a_decision() -> Play:
    return _with_users().decide("Abort", attempt=1)


@situation
def retried_by_a_decision() -> Play:
    return _canary().later(10).pods("canary", pods.crashing).rest().wait(60).decide("Retry", attempt=1)


@situation
def rolled_back_by_a_decision() -> Play:
    play = _serving()
    target = play.revision("stable")
    play.wait(3600).apply(model={"image": V2}).rest().wait(3600)
    return play.decide("Rollback", revision=play.revision("stable"), toRevision=target)


@situation
def decision_of_another_attempt() -> Play:
    return _with_users().decide("Abort", attempt=2)


@situation
def autoscaled_first_deploy() -> Play:
    return Play().apply(model={"image": V1}, scaling={"minReplicas": 2, "maxReplicas": 10}).later(14).wait(1)


@situation
def autoscaled_canary_follows_the_pods_of_stable() -> Play:
    play = _serving(scaling={"minReplicas": 2, "maxReplicas": 10}).wait(600)
    name = f"churn-{play.revision('stable')}"
    play.edited("Deployment", _scaled(8), name).later(15)
    return play.apply(model={"image": V2}).later(14).wait(1)


def _scaled(count: int) -> Callable[[Body], Body]:
    return lambda body: {**body, "spec": {**body["spec"], "replicas": count}}


@situation
def handed_to_an_autoscaler() -> Play:
    bounds = {"minReplicas": 2, "maxReplicas": 10}
    return _serving(scaling={"replicas": 5}).wait(600).apply(scaling=bounds)


@situation
def scaled_by_the_spec_alone() -> Play:
    return _serving().wait(600).apply(scaling={"replicas": 5})


@situation
def scaled_by_hand() -> Play:
    play = _serving()
    return play.edited("Deployment", _scaled(1), f"churn-{play.revision('stable')}")


@situation
def service_edited_by_hand() -> Play:
    return _with_users().edited("Service", _selecting_nobody)


def _selecting_nobody(body: Body) -> Body:
    return {**body, "spec": {**body["spec"], "selector": {"app": "mine"}}}


@situation
def service_deleted_by_hand() -> Play:
    return _serving().without("Service", "churn")


@situation
def deployment_of_stable_deleted_by_hand() -> Play:
    play = _serving()
    return play.without("Deployment", f"churn-{play.revision('stable')}")


@situation
def status_lost_at_rest() -> Play:
    return _serving().wait(3600).losing_status()


@situation
def status_lost_under_users() -> Play:
    return _with_users().losing_status()


@situation
def configuration_is_copied() -> Play:
    return Play().having(_settings("info")).apply(model={"image": V1}, serving=SETTINGS_MAP)


@situation
def configuration_has_changed() -> Play:
    play = Play().having(_settings("info")).apply(model={"image": V1}, serving=SETTINGS_MAP).rest()
    return play.wait(600).having(_settings("debug")).later(1)


@situation
def recreated() -> Play:
    return _canary(rollout={"strategy": "Recreate"})


@situation
def recreated_once_the_old_pods_are_gone() -> Play:
    return _canary(rollout={"strategy": "Recreate"}).later(5)


@situation
def too_few_pods_for_so_small_a_share() -> Play:
    rollout = {"steps": [{"weight": 5, "hold": "2m"}]}
    traffic = {"replicas": {"whenTooFew": "Hold"}}
    return _canary(rollout=rollout, traffic=traffic).later(15)


@situation
def steps_edited_under_users() -> Play:
    steps = [{"weight": 10, "hold": "1m"}, {"weight": 30, "hold": "1m"}]
    return _with_users().apply(rollout={"steps": steps})


@situation
def stable_is_sick_at_rest() -> Play:
    return _serving().wait(3600).pods("stable", pods.crashing)


@situation
def third_revision_waits_for_the_pods_of_the_first() -> Play:
    return _with_users().later(406).apply(model={"image": V3})
