"""What happens while a spec is refused that the API server has let through: nobody is left alone with it."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.api import kinds, names
from seatrial.api.objects import Body
from tests.apiserver.pod_behaviour import Behaviour
from tests.stories.specs import sick, spec
from tests.stories.world import NAME, NAMESPACE, World, play

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


def test_a_canary_that_dies_goes_home_although_the_spec_is_refused_by_then() -> None:
    async def story(world: World) -> None:
        first = (await world.live(spec("v1")))["stable"]["revision"]
        second = (await world.shifting(spec("v2")))["canary"]["revision"]
        await world.apply(refused())
        home = await world.until(lambda s: s["rejected"][0]["revision"] == second, seconds=120)
        assert home["rejected"][0]["reason"] == "OutOfMemory"
        last = await world.until(lambda s: s["phase"] and not world.pods_of(second), seconds=120)
        assert (last["phase"], last["stable"]["revision"]) == ("Degraded", first)
        assert (await _selected(world))[names.LABEL_REVISION] == first

    dying = Behaviour(restarts=(30.0, 60.0), exit_code=137, restart_reason="OOMKilled")
    play(story, serving=sick("v2", dying))


def test_a_refused_spec_holds_the_canary_where_it_is_and_says_so() -> None:
    async def story(world: World) -> None:
        first = (await world.live(spec("v1")))["stable"]["revision"]
        second = (await world.shifting(spec("v2")))["canary"]["revision"]
        await world.apply(refused())
        held = await world.phase("Degraded", seconds=2)
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
        told = [e for e in await world.all(kinds.EVENT) if e["reason"] == "InvalidSpec"]
        assert [event["count"] for event in told] == [1]

    play(story)


def test_once_mended_the_rollout_goes_on_where_it_was_held() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1"))
        second = (await world.shifting(spec("v2")))["canary"]["revision"]
        pods = world.pods_of(second)
        await world.apply(refused())
        await world.wait(600)
        await world.apply(spec("v2"))
        going = await world.until(lambda s: s["rollout"]["phase"] == "Shifting", seconds=2)
        assert (going["canary"]["weight"], going["rollout"]["step"]) == (25, 1)
        assert (await world.promoted(second))["rollout"]["attempt"] == 1
        assert pods <= world.pods_of(second)

    play(story)


def test_an_abort_is_taken_at_once_although_the_spec_is_refused() -> None:
    async def story(world: World) -> None:
        await world.trust_decisions()
        first = (await world.live(spec("v1")))["stable"]["revision"]
        second = (await world.shifting(spec("v2")))["canary"]["revision"]
        await world.apply(refused())
        await world.wait(5)
        abort = await world.decide("Abort", revision=second, attempt=1)
        assert (await world.answer(abort, seconds=2))["phase"] == "Taken"
        assert (await _selected(world))[names.LABEL_REVISION] == first
        last = await world.until(lambda s: s["rejected"][0]["reason"] == "Aborted", seconds=120)
        assert last["phase"] == "Degraded"

    play(story)


@pytest.mark.parametrize("action", ["Promote", "Resume"])
def test_nobody_sends_a_rollout_on_while_its_spec_is_refused(action: str) -> None:
    async def story(world: World) -> None:
        await world.trust_decisions()
        await world.live(spec("v1"))
        second = (await world.shifting(spec("v2")))["canary"]["revision"]
        await world.apply(refused())
        await world.wait(5)
        asked = await world.decide(action, revision=second, **({"attempt": 1} if action == "Promote" else {}))
        answer = await world.answer(asked)
        assert (answer["phase"], answer["message"]) == ("Refused", "the spec is refused; mend it")

    play(story)


def test_what_a_refused_spec_asks_for_besides_is_not_done_in_part() -> None:
    async def story(world: World) -> None:
        live = await world.live({**spec("v1"), "scaling": AUTOSCALED})
        first = live["stable"]["revision"]
        before = (await world.get(kinds.HPA, f"{NAME}-{first}"))["spec"]
        budget = (await world.get(kinds.PDB, NAME))["spec"]
        await world.apply(refused("v1", scaling={"replicas": 1}))
        await world.phase("Degraded", seconds=2)
        await world.wait(600)
        assert (await world.get(kinds.HPA, f"{NAME}-{first}"))["spec"] == before
        assert (await world.get(kinds.PDB, NAME))["spec"] == budget
        assert world.replicas_of(first) == 2

    play(story)


def test_stable_is_repaired_while_the_spec_is_refused() -> None:
    async def story(world: World) -> None:
        first = (await world.live(spec("v1")))["stable"]["revision"]
        await world.apply(refused())
        await world.phase("Degraded", seconds=2)
        world.server.remove(kinds.DEPLOYMENT, NAMESPACE, f"{NAME}-{first}")
        await world.until(lambda s: world.replicas_of(first) == 3 and s["readyReplicas"] == 3, seconds=60)

    play(story)


def test_a_first_spec_that_is_refused_makes_nothing_until_it_is_mended() -> None:
    async def story(world: World) -> None:
        await world.apply(refused("v1"))
        failed = await world.phase("Failed", seconds=2)
        await world.wait(600)
        assert failed["message"].endswith("nothing has been started yet")
        assert await world.all(kinds.DEPLOYMENT) == []
        assert await world.all(kinds.CONTROLLER_REVISION) == []
        await world.live(spec("v1"))

    play(story)


def test_with_its_status_lost_too_stable_keeps_its_pods() -> None:
    async def story(world: World) -> None:
        first = (await world.live(spec("v1")))["stable"]["revision"]
        await world.kill_operator()
        world.server.edit(kinds.MODEL_DEPLOYMENT, NAMESPACE, NAME, patch={"status": None})
        await world.apply(refused())
        await world.start_operator()
        found = await world.phase("Degraded", seconds=30)
        await world.wait(600)
        assert found["stable"]["revision"] == first
        assert world.replicas_of(first) == 3

    play(story)


def test_a_stable_that_made_room_comes_back_after_an_abort_although_the_spec_is_refused() -> None:
    async def story(world: World) -> None:
        world.watcher.outages_allowed = True
        await world.trust_decisions()
        first = (await world.live(spec("v1", strategy="Recreate")))["stable"]["revision"]
        await world.apply(spec("v2", strategy="Recreate"))
        trial = await world.until(
            lambda s: s["rollout"]["phase"] == "Starting" and s["stable"]["replicas"] == 0
        )
        await world.apply({**spec("v2", strategy="Recreate"), "serving": FORBIDDEN})
        await world.wait(5)
        abort = await world.decide("Abort", revision=trial["rollout"]["revision"], attempt=1)
        assert (await world.answer(abort))["phase"] == "Taken"
        await world.until(lambda s: s["stable"]["readyReplicas"] == 3, seconds=300)
        assert world.replicas_of(first) == 3

    play(story, serving=sick("v2", Behaviour(ready_after=240)))


def test_stable_that_is_scaled_by_hand_while_the_spec_is_refused_is_scaled_back() -> None:
    async def story(world: World) -> None:
        first = (await world.live(spec("v1")))["stable"]["revision"]
        await world.apply(refused())
        await world.phase("Degraded", seconds=2)
        await world.client.scale(kinds.DEPLOYMENT, NAMESPACE, f"{NAME}-{first}", replicas=0)
        await world.until(lambda s: world.replicas_of(first) == 3 and s["readyReplicas"] == 3, seconds=60)

    play(story)


def test_one_wrong_rule_of_the_rollout_does_not_take_the_others_away() -> None:
    async def story(world: World) -> None:
        await world.live(spec("v1"))
        await world.shifting(spec("v2", maxRestarts=5))
        await world.apply(spec("v2", maxRestarts=5, progressDeadline="an hour"))
        await world.phase("Degraded", seconds=2)
        await world.wait(600)
        status = await world.status()
        assert (status["rollout"]["phase"], status.get("rejected")) == ("Paused", None)

    play(story, serving=sick("v2", Behaviour(restarts=(30.0,), exit_code=1)))
