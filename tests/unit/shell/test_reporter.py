"""What is told is told once, counted after that, and never in the way of the work."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from seatrial import reporter as reporting
from seatrial.api import kinds, model_deployment, reasons
from seatrial.api import status as api_status
from seatrial.api.objects import Body
from seatrial.kube import failures
from seatrial.kube.client import Client
from seatrial.kube.limiter import Limiter
from seatrial.kube.transport import Request
from seatrial.observation.observed import ApplyError
from seatrial.planner import Plan
from seatrial.reporter import Reporter
from seatrial.reporting import events
from seatrial.telemetry import Telemetry
from tests.apiserver import FakeApiServer
from tests.unit.shell.shell_objects import NAMESPACE, OWNER, START, informer_of_models

pytestmark = pytest.mark.looptime
Reason = reasons.Reason


class Voice:
    """A reporter, the object it speaks of, and what was heard."""

    def __init__(self, api: FakeApiServer, client: Client) -> None:
        loop = asyncio.get_running_loop()

        def clock() -> datetime:
            return START + timedelta(seconds=loop.time())

        self.api = api
        self.models = informer_of_models(client, loop.time)
        self.telemetry = Telemetry(CollectorRegistry())
        self.reporter = Reporter(client, self.models, self.telemetry, clock=clock)

    def body(self, name: str = "churn") -> Body:
        found = self.api.look(kinds.MODEL_DEPLOYMENT, NAMESPACE, name)
        assert found is not None
        return found

    async def tell(self, *tales: events.Event, name: str = "churn", built: Any = ()) -> None:
        plan = Plan(status=api_status.Status(), told=tales, built=built)
        await self.reporter.announce(model_deployment.parse(self.body(name)), plan)

    def counts(self) -> dict[str, int]:
        """Message and count of every Event."""
        return {event["message"]: event["count"] for event in self.api.all(kinds.EVENT)}

    def value(self, series: str, **labels: str) -> float | None:
        return self.telemetry.registry.get_sample_value(series, labels)


@pytest.fixture
async def voice(api: FakeApiServer, client: Client) -> Voice:
    return Voice(api, client)


def tale(message: str = "m", reason: Reason = Reason.SHIFTING, **more: Any) -> events.Event:
    return events.Event(reason=reason, message=message, **more)


def to_events(request: Request) -> bool:
    return "/events" in request.path


class TestEvents:
    async def test_say_of_whom_what_and_when(self, voice: Voice) -> None:
        await asyncio.sleep(5)
        await voice.tell(tale("it moves", tone=events.EventType.WARNING))
        (event,) = voice.api.all(kinds.EVENT)
        assert event["involvedObject"] == {
            "apiVersion": "seatrial.dev/v1alpha1",
            "kind": "ModelDeployment",
            "namespace": NAMESPACE,
            "name": "churn",
            "uid": OWNER.uid,
            "resourceVersion": voice.body()["metadata"]["resourceVersion"],
        }
        assert (event["type"], event["reason"], event["message"]) == ("Warning", "Shifting", "it moves")
        assert event["firstTimestamp"] == event["lastTimestamp"] == "2026-01-01T00:00:05Z"
        assert event["metadata"]["name"].startswith("churn.")

    async def test_the_same_again_is_counted(self, voice: Voice) -> None:
        for _ in range(4):
            await voice.tell(tale())
            await asyncio.sleep(10)
        (event,) = voice.api.all(kinds.EVENT)
        assert (event["count"], event["firstTimestamp"], event["lastTimestamp"]) == (
            4,
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:30Z",
        )

    async def test_another_message_reason_or_object_is_another(self, voice: Voice) -> None:
        await voice.tell(tale(), tale("n"), tale(reason=Reason.PAUSED))
        await voice.tell(tale(), name="other")
        assert [event["count"] for event in voice.api.all(kinds.EVENT)] == [1, 1, 1, 1]

    async def test_one_that_the_server_has_forgotten_is_made_anew(self, voice: Voice) -> None:
        await voice.tell(tale())
        (event,) = voice.api.all(kinds.EVENT)
        voice.api.remove(kinds.EVENT, NAMESPACE, event["metadata"]["name"])
        await voice.tell(tale())
        assert voice.counts() == {"m": 1}
        assert voice.value("seatrial_events_dropped_total") == 0

    async def test_too_long_a_message_is_cut_to_what_the_server_takes(self, voice: Voice) -> None:
        await voice.tell(tale("x" * 5000))
        (event,) = voice.api.all(kinds.EVENT)
        assert len(event["message"].encode()) <= 1024

    @pytest.mark.parametrize("status", [0, 403, 409, 429, 500])
    async def test_that_cannot_be_written_are_dropped_and_counted(self, voice: Voice, status: int) -> None:
        voice.api.faults.fail_next(1, status, to_events)
        await voice.tell(tale("a"), tale("b"))
        assert voice.counts() == ({"b": 1})
        assert voice.value("seatrial_events_dropped_total") == 1
        await voice.tell(tale("a"))
        assert voice.counts() == {"a": 1, "b": 1}

    async def test_that_cannot_be_counted_begin_again(self, voice: Voice) -> None:
        await voice.tell(tale())
        voice.api.faults.fail_next(1, 500, to_events)
        await voice.tell(tale())
        await voice.tell(tale())
        assert [event["count"] for event in voice.api.all(kinds.EVENT)] == [1, 1]

    async def test_a_lost_lease_is_not_swallowed(self, api: FakeApiServer, limiter: Limiter) -> None:
        client = Client(api, limiter, lambda: False)
        mute = Voice(api, client)
        with pytest.raises(failures.NotLeader):
            await mute.tell(tale())

    async def test_what_is_remembered_of_them_is_bounded_and_the_latest(self, voice: Voice) -> None:
        most = reporting.REMEMBERED_EVENTS
        for number in range(most):
            voice.reporter._written[("u", "r", str(number))] = reporting._WrittenEvent("n", 1)
        await voice.tell(tale("a"))
        voice.reporter._written[("u", "r", "later")] = reporting._WrittenEvent("n", 1)
        await voice.tell(tale("a"))
        assert len(voice.reporter._written) == most
        assert next(reversed(voice.reporter._written)) == (OWNER.uid, "Shifting", "a")
        assert ("u", "r", "0") not in voice.reporter._written
        assert voice.counts() == {"a": 2}


class TestComplaining:
    @pytest.mark.parametrize(
        ("reason", "heard"),
        [
            (Reason.NAME_CONFLICT, True),
            (Reason.QUOTA_EXCEEDED, True),
            (Reason.INVALID_SPEC, True),
            (Reason.API_FORBIDDEN, True),
            (Reason.API_TOO_MANY_REQUESTS, False),
            (Reason.API_UNAVAILABLE, False),
        ],
    )
    async def test_of_what_is_not_the_server_s_own_trouble(
        self, voice: Voice, reason: Reason, heard: bool
    ) -> None:
        apply_error = ApplyError(reason=reason, message="why")
        await voice.reporter.announce_error(model_deployment.parse(voice.body()), apply_error)
        found = [(event["type"], event["reason"]) for event in voice.api.all(kinds.EVENT)]
        assert found == ([("Warning", str(reason))] if heard else [])


class TestStoring:
    async def store(self, voice: Voice, status: api_status.Status, body: Body | None = None) -> bool:
        body = body or voice.body()
        return await voice.reporter.store(model_deployment.parse(body), body, status)

    async def test_the_same_status_is_no_write(self, voice: Voice) -> None:
        status = api_status.Status(message="m")
        assert await self.store(voice, status)
        mark = len(voice.api.writes)
        assert await self.store(voice, status)
        assert len(voice.api.writes) == mark

    async def test_what_was_stored_is_known_at_once(self, voice: Voice) -> None:
        assert await self.store(voice, api_status.Status(message="m"))
        known = voice.models.get(NAMESPACE, "churn")
        assert known is not None
        assert known["status"]["message"] == "m"

    async def test_an_answer_after_the_deletion_does_not_bring_the_object_back(self, voice: Voice) -> None:
        voice.models.observe_write(voice.body())

        def delete(_write: Any) -> None:
            gone = voice.body()
            voice.api.remove(kinds.MODEL_DEPLOYMENT, NAMESPACE, "churn")
            voice.models.store.delete(gone)

        voice.api.faults.after_write = delete
        assert await self.store(voice, api_status.Status(message="m"))
        assert voice.models.get(NAMESPACE, "churn") is None

    async def test_a_write_in_between_is_not_overwritten(self, voice: Voice) -> None:
        before = voice.body()
        voice.api.edit(kinds.MODEL_DEPLOYMENT, NAMESPACE, "churn", patch={"metadata": {"labels": {"a": "b"}}})
        assert not await self.store(voice, api_status.Status(message="m"), before)
        assert "status" not in voice.body()

    async def test_what_is_gone_is_not_stored(self, voice: Voice) -> None:
        before = voice.body()
        voice.api.remove(kinds.MODEL_DEPLOYMENT, NAMESPACE, "churn")
        assert not await self.store(voice, api_status.Status(message="m"), before)

    async def test_a_server_that_is_away_is_not_a_conflict(self, voice: Voice) -> None:
        voice.api.faults.fail_next(1, 500)
        with pytest.raises(failures.Unavailable):
            await self.store(voice, api_status.Status(message="m"))


class TestCounting:
    async def test_rollouts_that_ended(self, voice: Voice) -> None:
        await voice.tell(
            tale(reason=Reason.PROMOTED, outcome="Promoted", seconds=90.0),
            tale("n", reason=Reason.CRASH_LOOP, outcome="RolledBack"),
            tale("on its way"),
        )
        assert voice.value("seatrial_rollouts_total", outcome="Promoted", reason="Promoted") == 1
        assert voice.value("seatrial_rollouts_total", outcome="RolledBack", reason="CrashLoop") == 1
        assert voice.value("seatrial_rollout_duration_seconds_count") == 1
        assert voice.value("seatrial_rollout_duration_seconds_sum") == 90

    async def test_builds_that_ended(self, voice: Voice) -> None:
        ends = (
            events.BuildCompletion(outcome="Failed", reason="BuildTimeout", seconds=7.0),
            events.BuildCompletion(outcome="Succeeded", reason="", seconds=3.0),
        )
        await voice.tell(built=ends)
        name = "seatrial_build_duration_seconds_sum"
        assert voice.value(name, outcome="Failed", reason="BuildTimeout") == 7
        assert voice.value(name, outcome="Succeeded", reason="") == 3

    async def test_a_deleted_object_leaves_no_series(self, voice: Voice) -> None:
        body = voice.body()
        desired = model_deployment.parse(body)
        await voice.reporter.store(desired, body, api_status.Status(message="m"))
        voice.reporter.forget(desired.key)
        voice.reporter.forget(desired.key)
        assert voice.value("seatrial_canary_weight", namespace=NAMESPACE, name="churn") is None
