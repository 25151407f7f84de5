"""The operator relies on its own watch of ModelDeployments: a failing kopf watch does not matter."""

from __future__ import annotations

import logging

import pytest
from prometheus_client import generate_latest

from seatrial import wiring
from seatrial.api import kinds
from seatrial.kube.transport import Request
from tests.stories.specs import spec
from tests.stories.world import NAME, NAMESPACE, World, run_story

PHASE = f'seatrial_phase{{name="{NAME}"'
AGE = 'seatrial_watch_last_event_age_seconds{kind="ModelDeployment.seatrial.dev"}'
KOPF = pytest.mark.parametrize(
    "kopf_delay", [None, 90.0], ids=["delivers nothing", "delivers every event 90 s late"]
)


def _scraped(world: World) -> str:
    return generate_latest(world.operator.telemetry.registry).decode()


def _age(world: World) -> float:
    return float(next(line for line in _scraped(world).splitlines() if line.startswith(AGE)).split()[-1])


def _objects_at_start(caplog: pytest.LogCaptureFixture) -> list[int]:
    """Return the number of objects in every log record of the start of reconciling."""
    return [vars(record)["objects"] for record in caplog.records if record.getMessage() == "working"]


def _is_model_deployment_list(request: Request) -> bool:
    return request.path.endswith("/modeldeployments") and "watch" not in request.query


@KOPF
def test_rollout_completes_when_the_kopf_watch_fails(kopf_delay: float | None) -> None:
    async def story(world: World) -> None:
        await world.kill_operator()
        await world.start_operator(kopf_delay=kopf_delay)
        first = await world.deploy(spec("v1"), seconds=60)
        await world.apply(spec("v2"))
        second = await world.wait_until(
            lambda s: s["canary"]["revision"] != first["stable"]["revision"], seconds=5
        )
        await world.wait_for_promotion(second["canary"]["revision"])

    run_story(story)


@KOPF
def test_deleted_object_is_removed_when_the_kopf_watch_fails(kopf_delay: float | None) -> None:
    async def story(world: World) -> None:
        await world.kill_operator()
        await world.start_operator(kopf_delay=kopf_delay)
        await world.deploy(spec("v1"))
        assert PHASE in _scraped(world)
        world.server.remove(kinds.MODEL_DEPLOYMENT, NAMESPACE, NAME)
        for seconds in (5, 200):
            await world.wait(seconds)
            assert len(world.operator.model_deployments) == 0
            assert PHASE not in _scraped(world)
        await world.deploy(spec("v1"))

    run_story(story)


@KOPF
def test_liveness_check_passes_when_the_kopf_watch_fails(kopf_delay: float | None) -> None:
    async def story(world: World) -> None:
        await world.kill_operator()
        await world.start_operator(kopf_delay=kopf_delay)
        wiring.register_gauges(world.operator)
        await world.deploy(spec("v1"))
        for version in ("v2", "v3", "v4"):
            await world.apply(spec(version))
            await world.wait(600)
            assert (world.operator.stalled(), _age(world) <= 61) == ("", True)

    run_story(story)


def test_reconciling_starts_after_every_object_is_listed(caplog: pytest.LogCaptureFixture) -> None:
    async def story(world: World) -> None:
        caplog.set_level(logging.INFO, logger="seatrial.main")
        await world.kill_operator()
        await world.apply(spec("v1"), name="one")
        await world.apply(spec("v2"), name="other")
        world.server.faults.fail_next(4, 503, _is_model_deployment_list)
        process = await world.start_operator(kopf_delay=None)
        await world.wait(1)
        assert (process.transport.writes, _objects_at_start(caplog)) == ([], [])
        await world.wait(60)
        assert _objects_at_start(caplog) == [2]
        assert process.transport.writes

    run_story(story, ends_idle=False)


def test_one_change_causes_one_reconcile() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        await world.wait_until_idle()
        body = await world.get(kinds.MODEL_DEPLOYMENT, NAME)
        before = _reconciles(world)
        await world.client.apply(
            kinds.MODEL_DEPLOYMENT,
            {
                **{part: body[part] for part in ("apiVersion", "kind", "spec")},
                "metadata": _metadata_with_new_label(body),
            },
        )
        await world.wait(60)
        assert _reconciles(world) - before == 1, (
            "one for the event of the operator's own watch, none for kopf's"
        )

    run_story(story)


def _metadata_with_new_label(body: dict[str, dict[str, object]]) -> dict[str, object]:
    metadata = body["metadata"]
    return {"name": metadata["name"], "namespace": metadata["namespace"], "labels": {"team": "blue"}}


def _reconciles(world: World) -> float:
    registry = world.operator.telemetry.registry
    return registry.get_sample_value("seatrial_reconcile_total", {"result": "done"}) or 0.0
