"""The situations in which users decide, and an API server that has them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from seatrial.api import kinds, names
from seatrial.cli.cluster import REVIEW
from tests.apiserver import FakeApiServer
from tests.golden import pods, situations
from tests.golden.play import V2, V3, Play

NOW = datetime(2026, 11, 21, 15, tzinfo=UTC)
ME = "jo@shop.example"
ABORT = ["decide", "abort", "churn", "-n", "shop"]


def api_server_with(play: Play | None = None) -> FakeApiServer:
    """Return an API server that has the ModelDeployment of a play, and knows the user."""
    server = FakeApiServer(lambda: NOW, namespaces=("shop", "other"))
    server.raw[REVIEW.path()] = json.dumps({"status": {"userInfo": {"username": ME}}}).encode()
    if play is not None:
        body = play.world.objects[(names.KIND, "churn")]
        metadata = {"name": "churn", "namespace": "shop"}
        server.insert(kinds.MODEL_DEPLOYMENT, {**body, "metadata": metadata})
        server.set_status(kinds.MODEL_DEPLOYMENT, "shop", "churn", status=body["status"], manager="seatrial")
    return server


def starting() -> Play:
    """The canary starts, and receives no traffic yet."""
    return situations.canary().later(5)


def paused() -> Play:
    """A user has paused the rollout ten minutes ago."""
    return situations.with_users().decide("Pause").later(600)


def rejected() -> Play:
    """The pods of V2 crashed, and V2 is rejected."""
    return situations.canary().later(10).pods("canary", pods.crashing).rest()


def rejected_again() -> Play:
    """V2 and V3 were rejected, V3 last, and the spec asks for V2 again."""
    play = rejected().apply(model={"image": V3}).later(10).pods("canary", pods.crashing).rest()
    return play.apply(model={"image": V2}).rest()


def retried() -> Play:
    """The second attempt receives traffic."""
    play = rejected().wait(60)
    revision = play.revision("rollout")
    return play.decide("Retry", revision=revision, attempt=1).later(45)


def promoted() -> Play:
    """V2 has been stable for an hour."""
    return situations.canary().rest().wait(3600)


def rolled_back() -> Play:
    """A user has rolled back to V1, and the spec still asks for V2."""
    play = promoted()
    current, earlier = play.revision("stable"), situations.serving().revision("stable")
    return play.decide("Rollback", revision=current, toRevision=earlier).rest().wait(60)
