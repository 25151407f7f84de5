"""An informer's copy stays true, whatever happens to the watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from seatrial.kube import bodies, failures, informers, kinds
from seatrial.kube.bodies import Body
from seatrial.kube.client import Client, Selection
from seatrial.kube.fake import FakeApiServer
from seatrial.kube.informers import Habits, Informer
from tests.unit.kube import kube_objects as objects

pytestmark = pytest.mark.looptime
OWNER = "seatrial.dev/deployment"


class Heard(list[tuple[str, str]]):
    """The events that an informer told: what and of whom."""

    def __call__(self, event: str, body: Body) -> None:
        self.append((event, body["metadata"]["name"]))


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def informer(client: Client, heard: Heard) -> AsyncIterator[Informer]:
    """An informer of ConfigMaps; the test starts it."""
    habits = Habits(
        asyncio.get_running_loop().time,
        jitter=lambda: 1.0,
        trim=informers.without_managed_fields,
        index_by=lambda body: bodies.labels_of(body).get(OWNER),
        page=2,
    )
    watched = Informer(client, kinds.CONFIG_MAP, heard, habits=habits)
    yield watched
    running = RUNNING.pop(watched)
    assert not running.done(), "an informer never ends by itself"
    running.cancel()


RUNNING: dict[Informer, asyncio.Task[None]] = {}


def start(informer: Informer) -> None:
    """The informer runs until the test ends."""
    RUNNING[informer] = asyncio.create_task(informer.run())


async def settle(seconds: float = 1.0) -> None:
    await asyncio.sleep(seconds)


def names(informer: Informer) -> set[str]:
    return {key.name for key in informer.store}


class TestKeeping:
    async def test_begins_with_what_there_is(
        self, api: FakeApiServer, informer: Informer, heard: Heard
    ) -> None:
        start(informer)
        for name in "abcde":
            api.insert(kinds.CONFIG_MAP, objects.settings(name))
        assert not informer.synced.is_set()
        await settle()
        assert informer.synced.is_set()
        assert sorted(heard) == [("ADDED", name) for name in "abcde"]

    async def test_hears_of_changes(self, api: FakeApiServer, informer: Informer, heard: Heard) -> None:
        start(informer)
        await settle()
        api.insert(kinds.CONFIG_MAP, objects.settings("a"))
        api.edit(kinds.CONFIG_MAP, "default", "a", patch={"data": {"a": "2"}})
        await settle()
        kept = informer.get("default", "a")
        assert kept is not None
        assert kept["data"] == {"a": "2"}
        api.remove(kinds.CONFIG_MAP, "default", "a")
        await settle()
        assert heard == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
        assert informer.store == {}

    async def test_trims(self, api: FakeApiServer, informer: Informer) -> None:
        start(informer)
        api.insert(kinds.CONFIG_MAP, objects.settings("a"))
        await settle()
        kept = informer.get("default", "a")
        assert kept is not None
        assert "managedFields" not in kept["metadata"]

    async def test_finds_by_index(self, api: FakeApiServer, informer: Informer) -> None:
        start(informer)
        api.insert(kinds.CONFIG_MAP, objects.labelled("b", **{OWNER: "x"}))
        api.insert(kinds.CONFIG_MAP, objects.labelled("a", **{OWNER: "x"}))
        api.insert(kinds.CONFIG_MAP, objects.labelled("c"))
        await settle()
        assert [body["metadata"]["name"] for body in informer.indexed("x")] == ["a", "b"]
        api.edit(kinds.CONFIG_MAP, "default", "a", patch={"metadata": {"labels": {OWNER: "y"}}})
        api.remove(kinds.CONFIG_MAP, "default", "b")
        await settle()
        assert informer.indexed("x") == []
        assert [body["metadata"]["name"] for body in informer.indexed("y")] == ["a"]

    async def test_sees_only_its_selection(self, api: FakeApiServer, client: Client, heard: Heard) -> None:
        habits = Habits(asyncio.get_running_loop().time)
        selection = Selection("default", labels="app=x")
        chosen = Informer(client, kinds.CONFIG_MAP, heard, habits=habits, selection=selection)
        running = asyncio.create_task(chosen.run())
        api.insert(kinds.CONFIG_MAP, objects.labelled("a", app="x"))
        api.insert(kinds.CONFIG_MAP, objects.labelled("b", app="y"))
        await settle()
        api.edit(kinds.CONFIG_MAP, "default", "a", patch={"metadata": {"labels": {"app": "y"}}})
        await settle()
        assert heard == [("ADDED", "a"), ("DELETED", "a")]
        running.cancel()


class TestBreaking:
    async def test_goes_on_where_a_dropped_watch_ended(
        self, api: FakeApiServer, informer: Informer, heard: Heard
    ) -> None:
        start(informer)
        api.insert(kinds.CONFIG_MAP, objects.settings("a"))
        await settle()
        api.faults.drop_watches()
        api.insert(kinds.CONFIG_MAP, objects.settings("b"))
        api.remove(kinds.CONFIG_MAP, "default", "a")
        await settle(5)
        assert heard == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a")]
        lists = [r for r in api.requests if r.query.get("watch") is None]
        assert len(lists) == 1

    async def test_lists_again_when_its_place_is_forgotten(
        self, api: FakeApiServer, informer: Informer, heard: Heard
    ) -> None:
        start(informer)
        api.insert(kinds.CONFIG_MAP, objects.settings("a"))
        api.insert(kinds.CONFIG_MAP, objects.settings("b"))
        await settle()
        api.faults.drop_watches()
        api.remove(kinds.CONFIG_MAP, "default", "a")
        api.insert(kinds.CONFIG_MAP, objects.settings("c"))
        api.faults.compact()
        await settle(5)
        assert names(informer) == {"b", "c"}
        assert ("DELETED", "a") in heard

    async def test_notices_a_lost_deletion_at_the_next_list(
        self, api: FakeApiServer, informer: Informer, heard: Heard
    ) -> None:
        start(informer)
        api.insert(kinds.CONFIG_MAP, objects.settings("a"))
        await settle()
        api.faults.lose_delete_event(kinds.CONFIG_MAP, "a")
        api.remove(kinds.CONFIG_MAP, "default", "a")
        await settle()
        assert names(informer) == {"a"}
        api.faults.compact()
        api.faults.drop_watches()
        api.insert(kinds.CONFIG_MAP, objects.settings("b"))
        api.faults.compact()
        await settle(5)
        assert names(informer) == {"b"}
        assert heard[-2:] == [("DELETED", "a"), ("ADDED", "b")]

    async def test_replaces_one_of_the_same_name(
        self, api: FakeApiServer, informer: Informer, heard: Heard
    ) -> None:
        start(informer)
        api.insert(kinds.CONFIG_MAP, objects.settings("a"))
        await settle()
        api.faults.lose_delete_event(kinds.CONFIG_MAP, "a")
        api.remove(kinds.CONFIG_MAP, "default", "a")
        api.insert(kinds.CONFIG_MAP, objects.settings("a"))
        await settle()
        assert heard == [("ADDED", "a"), ("DELETED", "a"), ("ADDED", "a")]

    async def test_outlives_an_outage_without_storming(self, api: FakeApiServer, informer: Informer) -> None:
        start(informer)
        await settle()
        api.faults.unreachable = True
        api.faults.drop_watches()
        before = len(api.requests)
        await settle(600)
        assert len(api.requests) - before < 40
        api.faults.unreachable = False
        api.insert(kinds.CONFIG_MAP, objects.settings("a"))
        await settle(31)
        assert names(informer) == {"a"}

    @pytest.mark.parametrize("status", [403, 429, 500, 503])
    async def test_outlives_refusals(self, api: FakeApiServer, informer: Informer, status: int) -> None:
        start(informer)
        api.faults.fail_next(12, status)
        api.insert(kinds.CONFIG_MAP, objects.settings("a"))
        await settle(400)
        assert names(informer) == {"a"}

    async def test_does_not_storm_a_server_that_ends_watches_at_once(
        self, api: FakeApiServer, informer: Informer
    ) -> None:
        start(informer)
        await settle()
        before = len(api.requests)
        for _ in range(600):
            api.faults.drop_watches()
            await settle(0.1)
        assert len(api.requests) - before < 20

    async def test_its_silence_has_an_age(self, api: FakeApiServer, informer: Informer) -> None:
        start(informer)
        await settle()
        await settle(300)
        assert informer.last_event_age() <= 61
        api.faults.hanging = True
        api.faults.drop_watches()
        await settle(200)
        assert informer.last_event_age() > 190


class TestOwnWrites:
    async def test_are_seen_at_once(self, client: Client, informer: Informer, heard: Heard) -> None:
        start(informer)
        await settle()
        informer.observe_write(await client.create(kinds.CONFIG_MAP, objects.settings("a")))
        assert heard == [("ADDED", "a")]
        await settle()
        assert heard == [("ADDED", "a")], "the watch tells nothing new"

    async def test_do_not_undo_what_is_newer(
        self, api: FakeApiServer, client: Client, informer: Informer
    ) -> None:
        start(informer)
        answer = await client.create(kinds.CONFIG_MAP, objects.settings("a"))
        api.edit(kinds.CONFIG_MAP, "default", "a", patch={"data": {"a": "2"}})
        await settle()
        informer.observe_write(answer)
        kept = informer.get("default", "a")
        assert kept is not None
        assert kept["data"] == {"a": "2"}

    async def test_that_delete_are_seen_at_once(
        self, client: Client, informer: Informer, heard: Heard
    ) -> None:
        start(informer)
        informer.observe_write(await client.create(kinds.CONFIG_MAP, objects.settings("a")))
        await client.delete(kinds.CONFIG_MAP, "default", "a")
        informer.observe_delete("default", "a")
        assert informer.store == {}
        await settle()
        assert informer.store == {}
        assert heard == [("ADDED", "a"), ("DELETED", "a")]

    async def test_that_delete_spare_another_of_the_name(self, client: Client, informer: Informer) -> None:
        start(informer)
        informer.observe_write(await client.create(kinds.CONFIG_MAP, objects.settings("a")))
        informer.observe_delete("default", "a", uid="another")
        assert names(informer) == {"a"}

    async def test_that_create_again_are_seen(self, client: Client, informer: Informer) -> None:
        start(informer)
        await settle()
        informer.observe_write(await client.create(kinds.CONFIG_MAP, objects.settings("a")))
        await client.delete(kinds.CONFIG_MAP, "default", "a")
        informer.observe_delete("default", "a")
        second = await client.create(kinds.CONFIG_MAP, objects.settings("a"))
        informer.observe_write(second)
        await settle()
        kept = informer.get("default", "a")
        assert kept is not None
        assert bodies.uid_of(kept) == bodies.uid_of(second)

    async def test_of_something_else_are_left_out(self, client: Client, heard: Heard) -> None:
        habits = Habits(asyncio.get_running_loop().time)
        selection = Selection("default", labels="app=x")
        chosen = Informer(client, kinds.CONFIG_MAP, heard, habits=habits, selection=selection)
        chosen.observe_write(await client.create(kinds.CONFIG_MAP, objects.labelled("a", app="y")))
        assert chosen.store == {}

    async def test_before_the_first_list_are_no_harm(self, client: Client, informer: Informer) -> None:
        start(informer)
        informer.observe_write(await client.create(kinds.CONFIG_MAP, objects.settings("a")))
        await settle()
        assert names(informer) == {"a"}


class TestBodies:
    @pytest.mark.parametrize(
        ("version", "than", "expected"),
        [
            ("10", "9", True),
            ("9", "10", False),
            ("9", "9", False),
            ("x", "9", True),
            ("x", "x", False),
            ("1", "", True),
        ],
    )
    async def test_versions_are_compared_as_numbers(self, version: str, than: str, expected: bool) -> None:
        assert bodies.is_newer(version, than) is expected

    async def test_all_synced(self, informer: Informer) -> None:
        start(informer)
        assert not informers.all_synced([informer])
        await settle()
        assert informers.all_synced([informer])

    async def test_gone_is_an_api_error(self) -> None:
        assert issubclass(failures.Gone, failures.ApiError)
