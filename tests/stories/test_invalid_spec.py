"""An invalid spec that the API server accepted: stable is maintained, a canary is held, and decisions still work."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.api import kinds, names
from seatrial.api.objects import Body
from tests.apiserver.pod_behaviour import Behaviour
from tests.stories.conditions import condition_reasons, condition_statuses
from tests.stories.specs import failing_pods, spec
from tests.stories.world import NAME, NAMESPACE, World, run_story

FORBIDDEN = {"pod": {"volumes": [{"name": "host", "nfs": {"server": "files", "path": "/"}}]}}
"""A volume type that the operator rejects; the CRD's schema does not cover Kubernetes' own types."""
AUTOSCALED = {"minReplicas": 2, "maxReplicas": 6, "metrics": [{"cpu": 70}]}


def invalid_spec(version: str = "v2", **sections: Any) -> Body:
    """Return a spec of this version that only the operator can reject."""
    return {**spec(version), "serving": FORBIDDEN, **sections}


async def _selected(world: World) -> Body:
    service = await world.get(kinds.SERVICE, NAME)
    selector: Body = service["spec"]["selector"]
    return selector


def test_failing_canary_is_rolled_back_while_the_spec_is_invalid() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        second = (await world.start_canary(spec("v2")))["canary"]["revision"]
        await world.apply(invalid_spec())
        status = await world.wait_until(lambda s: s["rejected"][0]["revision"] == second, seconds=120)
        assert status["rejected"][0]["reason"] == "OutOfMemory"
        last = await world.wait_until(lambda s: s["phase"] and not world.pod_uids(second), seconds=120)
        assert (last["phase"], last["stable"]["revision"]) == ("Rejected", first)
        assert (await _selected(world))[names.LABEL_REVISION] == first

    dying = Behaviour(restarts=(30.0, 60.0), exit_code=137, restart_reason="OOMKilled")
    run_story(story, serving=failing_pods("v2", dying))


def test_invalid_spec_holds_the_canary_and_is_reported() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        second = (await world.start_canary(spec("v2")))["canary"]["revision"]
        await world.apply(invalid_spec())
        held = await world.wait_for_phase("Rejected", seconds=2)
        await world.wait(1800)
        status = await world.status()
        assert status["message"] == held["message"]
        assert (status["canary"]["revision"], status["canary"]["weight"]) == (second, 25)
        assert (status["rollout"]["phase"], status["rollout"]["pausedBy"]) == ("Paused", "Spec")
        assert "spec.serving.pod.volumes[0]" in status["message"]
        conditions, reasons = condition_statuses(status), condition_reasons(status)
        assert (conditions["Stalled"], reasons["Stalled"]) == ("True", "InvalidSpec")
        assert conditions["Ready"] == conditions["Updated"] == "False"
        assert (conditions["Serving"], reasons["Serving"]) == ("True", "Healthy")
        assert {"revision": first}.items() <= status["stable"].items()
        events = [e for e in await world.objects(kinds.EVENT) if e["reason"] == "InvalidSpec"]
        assert [event["count"] for event in events] == [1]

    run_story(story)


def test_corrected_spec_continues_the_held_rollout() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        second = (await world.start_canary(spec("v2")))["canary"]["revision"]
        pods = world.pod_uids(second)
        await world.apply(invalid_spec())
        await world.wait(600)
        await world.apply(spec("v2"))
        resumed = await world.wait_until(lambda s: s["rollout"]["phase"] == "Shifting", seconds=2)
        assert (resumed["canary"]["weight"], resumed["rollout"]["step"]) == (25, 1)
        assert (await world.wait_for_promotion(second))["rollout"]["attempt"] == 1
        assert pods <= world.pod_uids(second)

    run_story(story)


def test_abort_is_accepted_while_the_spec_is_invalid() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        second = (await world.start_canary(spec("v2")))["canary"]["revision"]
        await world.apply(invalid_spec())
        await world.wait(5)
        abort = await world.decide("Abort", revision=second, attempt=1)
        assert (await world.wait_for_result(abort, seconds=2))["phase"] == "Taken"
        assert (await _selected(world))[names.LABEL_REVISION] == first
        last = await world.wait_until(lambda s: s["rejected"][0]["reason"] == "Aborted", seconds=120)
        assert last["phase"] == "Rejected"

    run_story(story)


@pytest.mark.parametrize("action", ["Promote", "Resume"])
def test_promote_and_resume_are_rejected_while_the_spec_is_invalid(action: str) -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        await world.deploy(spec("v1"))
        second = (await world.start_canary(spec("v2")))["canary"]["revision"]
        await world.apply(invalid_spec())
        await world.wait(5)
        fields = {"attempt": 1} if action == "Promote" else {}
        result = await world.wait_for_result(await world.decide(action, revision=second, **fields))
        assert result["phase"] == "Refused"
        assert "spec" in result["message"]

    run_story(story)


def test_invalid_spec_is_not_applied_in_part() -> None:
    async def story(world: World) -> None:
        live = await world.deploy({**spec("v1"), "scaling": AUTOSCALED})
        first = live["stable"]["revision"]
        before = (await world.get(kinds.HPA, f"{NAME}-{first}"))["spec"]
        budget = (await world.get(kinds.PDB, f"{NAME}-{first}"))["spec"]
        await world.apply(invalid_spec("v1", scaling={"replicas": 1}))
        await world.wait_for_phase("Rejected", seconds=2)
        await world.wait(600)
        assert (await world.get(kinds.HPA, f"{NAME}-{first}"))["spec"] == before
        assert (await world.get(kinds.PDB, f"{NAME}-{first}"))["spec"] == budget
        assert world.replicas_of(first) == 2

    run_story(story)


def test_stable_is_repaired_while_the_spec_is_invalid() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        await world.apply(invalid_spec())
        await world.wait_for_phase("Rejected", seconds=2)
        world.server.remove(kinds.DEPLOYMENT, NAMESPACE, f"{NAME}-{first}")
        await world.wait_until(
            lambda s: world.replicas_of(first) == 3 and s["readyReplicas"] == 3, seconds=60
        )

    run_story(story)


def test_invalid_first_spec_creates_nothing_until_it_is_corrected() -> None:
    async def story(world: World) -> None:
        await world.apply(invalid_spec("v1"))
        failed = await world.wait_for_phase("Failed", seconds=2)
        await world.wait(600)
        assert {"stable", "canary", "rollout", "build"}.isdisjoint(failed)
        assert await world.objects(kinds.DEPLOYMENT) == []
        assert await world.objects(kinds.CONTROLLER_REVISION) == []
        await world.deploy(spec("v1"))

    run_story(story)


def test_stable_keeps_its_pods_when_the_spec_is_invalid_and_the_status_is_lost() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        await world.kill_operator()
        world.server.edit(kinds.MODEL_DEPLOYMENT, NAMESPACE, NAME, patch={"status": None})
        await world.apply(invalid_spec())
        await world.start_operator()
        status = await world.wait_for_phase("Rejected", seconds=30)
        await world.wait(600)
        assert status["stable"]["revision"] == first
        assert world.replicas_of(first) == 3

    run_story(story)


def test_abort_of_recreate_restores_stable_while_the_spec_is_invalid() -> None:
    async def story(world: World) -> None:
        world.invariants.outages_allowed = True
        await world.install_decision_policy()
        first = (await world.deploy(spec("v1", strategy="Recreate")))["stable"]["revision"]
        await world.apply(spec("v2", strategy="Recreate"))
        trial = await world.wait_until(
            lambda s: s["rollout"]["phase"] == "Starting" and s["stable"]["replicas"] == 0
        )
        await world.apply({**spec("v2", strategy="Recreate"), "serving": FORBIDDEN})
        await world.wait(5)
        abort = await world.decide("Abort", revision=trial["rollout"]["revision"], attempt=1)
        assert (await world.wait_for_result(abort))["phase"] == "Taken"
        await world.wait_until(lambda s: s["stable"]["readyReplicas"] == 3, seconds=300)
        assert world.replicas_of(first) == 3

    run_story(story, serving=failing_pods("v2", Behaviour(ready_after=240)))


def test_manually_scaled_stable_is_scaled_back_while_the_spec_is_invalid() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        await world.apply(invalid_spec())
        await world.wait_for_phase("Rejected", seconds=2)
        await world.client.scale(kinds.DEPLOYMENT, NAMESPACE, f"{NAME}-{first}", replicas=0)
        await world.wait_until(
            lambda s: world.replicas_of(first) == 3 and s["readyReplicas"] == 3, seconds=60
        )

    run_story(story)


def test_invalid_rollout_field_does_not_disable_the_other_fields() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        await world.start_canary(spec("v2", maxRestarts=5))
        await world.apply(spec("v2", maxRestarts=5, progressDeadline="an hour"))
        await world.wait_for_phase("Rejected", seconds=2)
        await world.wait(600)
        status = await world.status()
        assert (status["rollout"]["phase"], status.get("rejected")) == ("Paused", None)

    run_story(story, serving=failing_pods("v2", Behaviour(restarts=(30.0,), exit_code=1)))
