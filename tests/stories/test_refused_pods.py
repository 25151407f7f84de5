"""Pods that the API server refuses to create: it heals when the world does, and only forbidden content is final."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.api import kinds
from seatrial.api.objects import Body
from tests.apiserver.pod_behaviour import image_of
from tests.stories.conditions import condition_messages, condition_statuses
from tests.stories.specs import spec
from tests.stories.world import NAMESPACE, World, run_story

SERVICE_ACCOUNT = 'error looking up service account shop/model: serviceaccount "model" not found'
WEBHOOK = (
    'failed calling webhook "pods.mesh.io": failed to call webhook: Post "https://mesh.mesh.svc:443/inject": '
    "dial tcp 10.96.0.7:443: connect: connection refused"
)
POD_SECURITY = 'violates PodSecurity "restricted:latest": hostPath volumes (volume "host")'
POLICY = (
    "ValidatingAdmissionPolicy 'registries' with binding 'all' denied request: images come from elsewhere"
)
DENIED = 'admission webhook "validate.kyverno.svc-fail" denied the request: policy labels: team is required'
LIMIT_RANGE = "maximum cpu usage per Container is 500m, but limit is 1"
QUOTA = "exceeded quota: small, requested: pods=1, used: pods=3, limited: pods=3"


def refuse(world: World, message: str) -> None:
    """Refuse the pods of v2 from now on; an empty message admits them."""
    world.cluster.deployments.rejection = lambda pod: message if "/v2@" in image_of(pod) else ""


async def start_refused(world: World, message: str, *, replicas: int = 3, **rollout: Any) -> Body:
    """Deploy v1, then apply v2, whose pods are refused; return the status that says so."""
    await world.deploy(spec("v1", replicas=replicas))
    refuse(world, message)
    await world.apply(spec("v2", replicas=replicas, **rollout))
    return await world.wait_until(lambda s: s["canary"]["failure"]["message"])


@pytest.mark.parametrize(
    ("message", "seconds", "reason"),
    [
        pytest.param(SERVICE_ACCOUNT, 3, "PodCreationFailed", id="a ServiceAccount that comes 3 s later"),
        pytest.param(WEBHOOK, 8, "PodCreationFailed", id="a webhook that is away for 8 s"),
        pytest.param(QUOTA, 120, "QuotaExceeded", id="a quota that is raised"),
        pytest.param(POD_SECURITY, 20, "PodRejected", id="a namespace whose label is corrected"),
    ],
)
def test_refusal_heals_with_the_world(message: str, seconds: float, reason: str) -> None:
    async def story(world: World) -> None:
        status = await start_refused(world, message)
        assert status["canary"]["failure"]["reason"] == reason
        assert condition_statuses(status)["Stalled"] == "False"
        await world.wait(seconds)
        refuse(world, "")
        healed = await world.wait_until(lambda s: s["canary"]["readyReplicas"], seconds=20)
        assert "failure" not in healed["canary"]
        ended = await world.wait_for_promotion(status["canary"]["revision"])
        assert "rejected" not in ended

    run_story(story)


@pytest.mark.parametrize("message", [SERVICE_ACCOUNT, WEBHOOK, QUOTA])
def test_refusal_that_may_pass_is_tolerated_until_the_deadline(message: str) -> None:
    async def story(world: World) -> None:
        await start_refused(world, message)
        await world.wait(280)
        assert (await world.status())["phase"] == "Canary"
        status = await world.wait_for_phase("Rejected", seconds=40)
        assert status["rejected"][0]["reason"] == "ProgressDeadlineExceeded"
        assert message[:30] in status["rejected"][0]["message"]

    run_story(story)


@pytest.mark.parametrize("message", [POD_SECURITY, POLICY, DENIED, LIMIT_RANGE])
def test_forbidden_content_is_final_after_a_minute(message: str) -> None:
    async def story(world: World) -> None:
        first = await start_refused(world, message)
        assert "12:0" in condition_messages(first)["Reconciling"], "it says when it is final"
        await world.wait(55)
        assert (await world.status())["phase"] == "Canary"
        status = await world.wait_for_phase("Rejected", seconds=8)
        assert status["rejected"][0]["reason"] == "PodRejected"
        assert message[:30] in status["rejected"][0]["message"]

    run_story(story)


def test_refused_pod_of_a_later_step_leaves_the_canary_its_traffic_for_a_minute() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1", replicas=4))
        await world.start_canary(spec("v2", replicas=4))
        refuse(world, LIMIT_RANGE)
        await world.wait_until(lambda s: s["canary"]["failure"]["reason"] == "PodRejected", seconds=120)
        await world.wait(50)
        assert (await world.status())["canary"]["weight"] == 25
        status = await world.wait_for_phase("Rejected", seconds=90)
        assert status["rejected"][0]["reason"] == "PodRejected"

    run_story(story)


def test_stable_heals_soon_after_an_outage_of_half_an_hour() -> None:
    async def story(world: World) -> None:
        revision = (await world.deploy(spec("v2")))["stable"]["revision"]
        refuse(world, WEBHOOK)
        for pod in world.server.all(kinds.POD, NAMESPACE):
            world.server.remove(kinds.POD, NAMESPACE, pod["metadata"]["name"])
        await world.wait_for_phase("Degraded", seconds=5)
        writes = len(world.transport.writes)
        await world.wait(1800)
        assert len(world.transport.writes) - writes < 60, "it asks often at first, then seldom"
        assert "rejected" not in await world.status()
        refuse(world, "")
        status = await world.wait_for_phase("Healthy", seconds=310)
        assert status["stable"]["revision"] == revision

    run_story(story)
