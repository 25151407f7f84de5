"""Events are written once and counted after that, and never stop a pass."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from seatrial import reporter as reporters
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
CHURN = {"namespace": NAMESPACE, "name": "churn"}


class Reporting:
    """A reporter, its objects, and the Events and metrics that it wrote."""

    def __init__(self, api: FakeApiServer, client: Client) -> None:
        loop = asyncio.get_running_loop()

        def clock() -> datetime:
            return START + timedelta(seconds=loop.time())

        self.api = api
        self.models = informer_of_models(client, loop.time)
        self.telemetry = Telemetry(CollectorRegistry())
        self.reporter = Reporter(client, self.models, self.telemetry, clock=clock)

    def body(self, name: str = "churn") -> Body:
        body = self.api.look(kinds.MODEL_DEPLOYMENT, NAMESPACE, name)
        assert body is not None
        return body

    async def announce(self, *announced: events.Event, name: str = "churn", built: Any = ()) -> None:
        plan = Plan(status=api_status.Status(), events=announced, build_completions=built)
        await self.reporter.announce(model_deployment.parse(self.body(name)), plan)

    def counts(self) -> dict[str, int]:
        """Return message and count of every Event."""
        return {event["message"]: event["count"] for event in self.api.all(kinds.EVENT)}

    def value(self, series: str, **labels: str) -> float | None:
        return self.telemetry.registry.get_sample_value(series, labels)


@pytest.fixture
async def reporting(api: FakeApiServer, client: Client) -> Reporting:
    return Reporting(api, client)


def make_event(message: str = "m", reason: Reason = Reason.SHIFTING, **more: Any) -> events.Event:
    return events.Event(reason=reason, message=message, **more)


def to_events(request: Request) -> bool:
    return "/events" in request.path


class TestEvents:
    async def test_an_event_has_object_type_reason_message_and_time(self, reporting: Reporting) -> None:
        await asyncio.sleep(5)
        await reporting.announce(make_event("traffic is shifting", type=events.EventType.WARNING))
        (event,) = reporting.api.all(kinds.EVENT)
        assert event["involvedObject"] == {
            "apiVersion": "seatrial.dev/v1alpha1",
            "kind": "ModelDeployment",
            "namespace": NAMESPACE,
            "name": "churn",
            "uid": OWNER.uid,
            "resourceVersion": reporting.body()["metadata"]["resourceVersion"],
        }
        assert (event["type"], event["reason"], event["message"]) == (
            "Warning",
            "Shifting",
            "traffic is shifting",
        )
        assert event["firstTimestamp"] == event["lastTimestamp"] == "2026-01-01T00:00:05Z"
        assert event["metadata"]["name"].startswith("churn.")

    async def test_a_repeated_event_increases_the_count(self, reporting: Reporting) -> None:
        for _ in range(4):
            await reporting.announce(make_event())
            await asyncio.sleep(10)
        (event,) = reporting.api.all(kinds.EVENT)
        assert (event["count"], event["firstTimestamp"], event["lastTimestamp"]) == (
            4,
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:30Z",
        )

    async def test_another_message_reason_or_object_is_another_event(self, reporting: Reporting) -> None:
        await reporting.announce(make_event(), make_event("n"), make_event(reason=Reason.PAUSED))
        await reporting.announce(make_event(), name="other")
        assert [event["count"] for event in reporting.api.all(kinds.EVENT)] == [1, 1, 1, 1]

    async def test_an_event_that_expired_on_the_server_is_created_again(self, reporting: Reporting) -> None:
        await reporting.announce(make_event())
        (event,) = reporting.api.all(kinds.EVENT)
        reporting.api.remove(kinds.EVENT, NAMESPACE, event["metadata"]["name"])
        await reporting.announce(make_event())
        assert reporting.counts() == {"m": 1}
        assert reporting.value("seatrial_events_dropped_total") == 0

    async def test_a_long_message_is_truncated_to_what_the_server_accepts(self, reporting: Reporting) -> None:
        await reporting.announce(make_event("x" * 5000))
        (event,) = reporting.api.all(kinds.EVENT)
        assert len(event["message"].encode()) <= 1024

    @pytest.mark.parametrize("status", [0, 403, 409, 429, 500])
    async def test_an_event_that_cannot_be_written_is_dropped_and_counted(
        self, reporting: Reporting, status: int
    ) -> None:
        reporting.api.faults.fail_next(1, status, to_events)
        await reporting.announce(make_event("a"), make_event("b"))
        assert reporting.counts() == ({"b": 1})
        assert reporting.value("seatrial_events_dropped_total") == 1
        await reporting.announce(make_event("a"))
        assert reporting.counts() == {"a": 1, "b": 1}

    async def test_an_event_whose_count_cannot_be_increased_is_created_again(
        self, reporting: Reporting
    ) -> None:
        await reporting.announce(make_event())
        reporting.api.faults.fail_next(1, 500, to_events)
        await reporting.announce(make_event())
        await reporting.announce(make_event())
        assert [event["count"] for event in reporting.api.all(kinds.EVENT)] == [1, 1]

    async def test_a_lost_lease_is_raised(self, api: FakeApiServer, limiter: Limiter) -> None:
        client = Client(api, limiter, lambda: False)
        standby = Reporting(api, client)
        with pytest.raises(failures.NotLeader):
            await standby.announce(make_event())

    async def test_the_number_of_remembered_events_is_limited_and_the_oldest_goes_first(
        self, reporting: Reporting
    ) -> None:
        most = reporters.REMEMBERED_EVENTS
        for number in range(most):
            reporting.reporter._written[("u", "r", str(number))] = reporters._WrittenEvent("n", 1)
        await reporting.announce(make_event("a"))
        reporting.reporter._written[("u", "r", "later")] = reporters._WrittenEvent("n", 1)
        await reporting.announce(make_event("a"))
        assert len(reporting.reporter._written) == most
        assert next(reversed(reporting.reporter._written)) == (OWNER.uid, "Shifting", "a")
        assert ("u", "r", "0") not in reporting.reporter._written
        assert reporting.counts() == {"a": 2}


class TestErrors:
    @pytest.mark.parametrize(
        ("reason", "is_event"),
        [
            (Reason.NAME_CONFLICT, True),
            (Reason.QUOTA_EXCEEDED, True),
            (Reason.INVALID_SPEC, True),
            (Reason.API_FORBIDDEN, True),
            (Reason.API_TOO_MANY_REQUESTS, False),
            (Reason.API_UNAVAILABLE, False),
        ],
    )
    async def test_an_apply_error_is_an_event_unless_the_api_server_is_the_cause(
        self, reporting: Reporting, reason: Reason, is_event: bool
    ) -> None:
        apply_error = ApplyError(reason=reason, message="why")
        await reporting.reporter.announce_error(model_deployment.parse(reporting.body()), apply_error)
        emitted = [(event["type"], event["reason"]) for event in reporting.api.all(kinds.EVENT)]
        assert emitted == ([("Warning", str(reason))] if is_event else [])


class TestStore:
    async def store(self, reporting: Reporting, status: api_status.Status, body: Body | None = None) -> bool:
        body = body or reporting.body()
        return await reporting.reporter.store(model_deployment.parse(body), body, Plan(status=status))

    async def test_an_unchanged_status_is_not_written(self, reporting: Reporting) -> None:
        status = api_status.Status(message="m")
        assert await self.store(reporting, status)
        mark = len(reporting.api.writes)
        assert await self.store(reporting, status)
        assert len(reporting.api.writes) == mark

    async def test_a_stored_status_is_in_the_informer_at_once(self, reporting: Reporting) -> None:
        assert await self.store(reporting, api_status.Status(message="m"))
        stored = reporting.models.get(NAMESPACE, "churn")
        assert stored is not None
        assert stored["status"]["message"] == "m"

    async def test_a_response_after_the_deletion_does_not_bring_the_object_back(
        self, reporting: Reporting
    ) -> None:
        reporting.models.observe_write(reporting.body())

        def delete(_write: Any) -> None:
            gone = reporting.body()
            reporting.api.remove(kinds.MODEL_DEPLOYMENT, NAMESPACE, "churn")
            reporting.models.informers[0].store.delete(gone)

        reporting.api.faults.after_write = delete
        assert await self.store(reporting, api_status.Status(message="m"))
        assert reporting.models.get(NAMESPACE, "churn") is None

    async def test_a_change_in_between_is_not_overwritten(self, reporting: Reporting) -> None:
        before = reporting.body()
        reporting.api.edit(
            kinds.MODEL_DEPLOYMENT, NAMESPACE, "churn", patch={"metadata": {"labels": {"a": "b"}}}
        )
        assert not await self.store(reporting, api_status.Status(message="m"), before)
        assert "status" not in reporting.body()

    async def test_the_status_of_a_deleted_object_is_not_stored(self, reporting: Reporting) -> None:
        before = reporting.body()
        reporting.api.remove(kinds.MODEL_DEPLOYMENT, NAMESPACE, "churn")
        assert not await self.store(reporting, api_status.Status(message="m"), before)

    async def test_an_unavailable_server_raises(self, reporting: Reporting) -> None:
        reporting.api.faults.fail_next(1, 500)
        with pytest.raises(failures.Unavailable):
            await self.store(reporting, api_status.Status(message="m"))


class TestMetrics:
    async def test_completed_rollouts_are_counted_by_outcome(self, reporting: Reporting) -> None:
        await reporting.announce(
            make_event(reason=Reason.PROMOTED, outcome="Promoted", seconds=90.0),
            make_event("n", reason=Reason.CRASH_LOOP, outcome="RolledBack"),
            make_event("in progress"),
        )
        assert reporting.value("seatrial_rollouts_total", **CHURN, outcome="Promoted", reason="Promoted") == 1
        assert (
            reporting.value("seatrial_rollouts_total", **CHURN, outcome="RolledBack", reason="CrashLoop") == 1
        )
        assert reporting.value("seatrial_rollout_duration_seconds_count") == 1
        assert reporting.value("seatrial_rollout_duration_seconds_sum") == 90

    async def test_completed_builds_are_measured_by_outcome(self, reporting: Reporting) -> None:
        builds = (
            events.BuildCompletion(outcome="Failed", reason="BuildTimeout", seconds=7.0),
            events.BuildCompletion(outcome="Succeeded", reason="", seconds=3.0),
        )
        await reporting.announce(built=builds)
        name = "seatrial_build_duration_seconds_sum"
        assert reporting.value(name, outcome="Failed", reason="BuildTimeout") == 7
        assert reporting.value(name, outcome="Succeeded", reason="") == 3

    async def test_a_deleted_object_leaves_no_series(self, reporting: Reporting) -> None:
        body = reporting.body()
        desired = model_deployment.parse(body)
        await reporting.reporter.store(desired, body, Plan(status=api_status.Status(message="m")))
        reporting.reporter.forget(desired.key)
        reporting.reporter.forget(desired.key)
        assert reporting.value("seatrial_canary_weight", namespace=NAMESPACE, name="churn") is None
