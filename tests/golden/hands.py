"""Objects that are scaled, edited, deleted or lost outside a rollout."""

from __future__ import annotations

from seatrial.api.objects import Body
from tests.golden import situations
from tests.golden.play import Play


@situations.situation
def handed_to_an_autoscaler() -> Play:
    bounds = {"minReplicas": 2, "maxReplicas": 10}
    return situations.serving(scaling={"replicas": 5}).wait(600).apply(scaling=bounds)


@situations.situation
def scaled_by_the_spec_alone() -> Play:
    return situations.serving().wait(600).apply(scaling={"replicas": 5})


@situations.situation
def scaled_by_hand() -> Play:
    play = situations.serving()
    return play.edited("Deployment", situations.scaled(1), f"churn-{play.revision('stable')}")


@situations.situation
def service_edited_by_hand() -> Play:
    return situations.with_users().edited("Service", _selecting_nobody)


def _selecting_nobody(body: Body) -> Body:
    return {**body, "spec": {**body["spec"], "selector": {"app": "mine"}}}


@situations.situation
def service_deleted_by_hand() -> Play:
    return situations.serving().without("Service", "churn")


@situations.situation
def deployment_of_stable_deleted_by_hand() -> Play:
    play = situations.serving()
    return play.without("Deployment", f"churn-{play.revision('stable')}")


@situations.situation
def status_lost_at_rest() -> Play:
    return situations.serving().wait(3600).losing_status()


@situations.situation
def status_lost_under_users() -> Play:
    return situations.with_users().losing_status()
