"""What happens while a spec is refused that the API server has let through: nobody is left alone with it."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.api import kinds, names
from seatrial.api.objects import Body
from tests.apiserver.pod_behaviour import Behaviour
from tests.stories.specs import failing_pods, spec
from tests.stories.world import NAME, NAMESPACE, World, run_story

FORBIDDEN = {"pod": {"volumes": [{"name": "host", "nfs": {"server": "files", "path": "/"}}]}}
"""Lies in a piece of Kubernetes' own API, into which the schema of the CRD cannot see."""
AUTOSCALED = {"minReplicas": 2, "maxReplicas": 6, "metrics": [{"cpu": 70}]}


def refused(version: str = "v2", **sections: Any) -> Body:
    """A spec of this version that only the operator can refuse."""
    return {**spec(version), "serving": FORBIDDEN, **sections}


async def _selected(world: World) -> Body:
    service = await world.get(kinds.SERVICE, NAME)
    selector: Body = service["spec"]["selector"]
    return selector


def test_failing_canary_is_rolled_back_while_the_spec_is_invalid() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        second = (await world.start_canary(spec("v2")))["canary"]["revision"]
        await world.apply(refused())
        home = await world.wait_until(lambda s: s["rejected"][0]["revision"] == second, seconds=120)
        assert home["rejected"][0]["reason"] == "OutOfMemory"
        last = await world.wait_until(lambda s: s["phase"] and not world.pod_uids(second), seconds=120)
        assert (last["phase"], last["stable"]["revision"]) == ("Degraded", first)
        assert (await _selected(world))[names.LABEL_REVISION] == first

    dying = Behaviour(restarts=(30.0, 60.0), exit_code=137, restart_reason="OOMKilled")
    run_story(story, serving=failing_pods("v2", dying))


def test_invalid_spec_holds_the_canary_and_is_reported() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        second = (await world.start_canary(spec("v2")))["canary"]["revision"]
        await world.apply(refused())
        held = await world.wait_for_phase("Degraded", seconds=2)
        await world.wait(1800)
        late = await world.status()
        assert late["message"] == held["message"]
        assert (late["canary"]["revision"], late["canary"]["weight"]) == (second, 25)
        assert late["message"].startswith("the spec is refused: spec.serving.pod.volumes[0]")
        assert f"{second} is held at 25 %" in late["message"]
        assert "mend it to go on" in late["message"]
        by_type = {c["type"]: (c["status"], c["reason"]) for c in late["conditions"]}
        assert by_type["Stalled"] == ("True", "InvalidSpec")
        assert by_type["Ready"][0] == by_type["Updated"][0] == "False"
        assert by_type["Serving"] == ("True", "Healthy")
        assert {"revision": first}.items() <= late["stable"].items()
        told = [e for e in await world.objects(kinds.EVENT) if e["reason"] == "InvalidSpec"]
        assert [event["count"] for event in told] == [1]

    run_story(story)


def test_corrected_spec_continues_the_held_rollout() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec("v1"))
        second = (await world.start_canary(spec("v2")))["canary"]["revision"]
        pods = world.pod_uids(second)
        await world.apply(refused())
        await world.wait(600)
        await world.apply(spec("v2"))
        going = await world.wait_until(lambda s: s["rollout"]["phase"] == "Shifting", seconds=2)
        assert (going["canary"]["weight"], going["rollout"]["step"]) == (25, 1)
        assert (await world.wait_for_promotion(second))["rollout"]["attempt"] == 1
        assert pods <= world.pod_uids(second)

    run_story(story)


def test_abort_is_accepted_while_the_spec_is_invalid() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        second = (await world.start_canary(spec("v2")))["canary"]["revision"]
        await world.apply(refused())
        await world.wait(5)
        abort = await world.decide("Abort", revision=second, attempt=1)
        assert (await world.wait_for_result(abort, seconds=2))["phase"] == "Taken"
        assert (await _selected(world))[names.LABEL_REVISION] == first
        last = await world.wait_until(lambda s: s["rejected"][0]["reason"] == "Aborted", seconds=120)
        assert last["phase"] == "Degraded"

    run_story(story)


@pytest.mark.parametrize("action", ["Promote", "Resume"])
def test_promote_and_resume_are_rejected_while_the_spec_is_invalid(action: str) -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        await world.deploy(spec("v1"))
        second = (await world.start_canary(spec("v2")))["canary"]["revision"]
        await world.apply(refused())
        await world.wait(5)
        asked = await world.decide(action, revision=second, **({"attempt": 1} if action == "Promote" else {}))
        answer = await world.wait_for_result(asked)
        assert (answer["phase"], answer["message"]) == ("Refused", "the spec is refused; mend it")

    run_story(story)


def test_invalid_spec_is_not_applied_in_part() -> None:
    async def story(world: World) -> None:
        live = await world.deploy({**spec("v1"), "scaling": AUTOSCALED})
        first = live["stable"]["revision"]
        before = (await world.get(kinds.HPA, f"{NAME}-{first}"))["spec"]
        budget = (await world.get(kinds.PDB, NAME))["spec"]
        await world.apply(refused("v1", scaling={"replicas": 1}))
        await world.wait_for_phase("Degraded", seconds=2)
        await world.wait(600)
        assert (await world.get(kinds.HPA, f"{NAME}-{first}"))["spec"] == before
        assert (await world.get(kinds.PDB, NAME))["spec"] == budget
        assert world.replicas_of(first) == 2

    run_story(story)


def test_stable_is_repaired_while_the_spec_is_invalid() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        await world.apply(refused())
        await world.wait_for_phase("Degraded", seconds=2)
        world.server.remove(kinds.DEPLOYMENT, NAMESPACE, f"{NAME}-{first}")
        await world.wait_until(
            lambda s: world.replicas_of(first) == 3 and s["readyReplicas"] == 3, seconds=60
        )

    run_story(story)


def test_invalid_first_spec_creates_nothing_until_it_is_corrected() -> None:
    async def story(world: World) -> None:
        await world.apply(refused("v1"))
        failed = await world.wait_for_phase("Failed", seconds=2)
        await world.wait(600)
        assert failed["message"].endswith("nothing has been started yet")
        assert await world.objects(kinds.DEPLOYMENT) == []
        assert await world.objects(kinds.CONTROLLER_REVISION) == []
        await world.deploy(spec("v1"))

    run_story(story)


def test_stable_keeps_its_pods_when_the_spec_is_invalid_and_the_status_is_lost() -> None:
    async def story(world: World) -> None:
        first = (await world.deploy(spec("v1")))["stable"]["revision"]
        await world.kill_operator()
        world.server.edit(kinds.MODEL_DEPLOYMENT, NAMESPACE, NAME, patch={"status": None})
        await world.apply(refused())
        await world.start_operator()
        found = await world.wait_for_phase("Degraded", seconds=30)
        await world.wait(600)
        assert found["stable"]["revision"] == first
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
        await world.apply(refused())
        await world.wait_for_phase("Degraded", seconds=2)
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
        await world.wait_for_phase("Degraded", seconds=2)
        await world.wait(600)
        status = await world.status()
        assert (status["rollout"]["phase"], status.get("rejected")) == ("Paused", None)

    run_story(story, serving=failing_pods("v2", Behaviour(restarts=(30.0,), exit_code=1)))
