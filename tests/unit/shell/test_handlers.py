"""kopf watches and nothing else: what an event leaves behind, and what kopf is told not to do."""

from __future__ import annotations

import itertools
from typing import Any

import kopf
import pytest

from seatrial import handlers
from seatrial.api.metadata import Key
from seatrial.kube.queue import KeyedQueue
from seatrial.kube.store import Known

CHURN = Key("shop", "churn")


def body(version: int, uid: str = "u", **spec: Any) -> dict[str, Any]:
    metadata = {"namespace": "shop", "name": "churn", "uid": uid, "resourceVersion": str(version)}
    return {"metadata": {**metadata, "managedFields": [{"manager": "kubectl"}]}, "spec": spec}


class Told:
    """What events made known, and whether they were worth a pass."""

    def __init__(self) -> None:
        self.known = Known()
        self.queue: KeyedQueue[Key] = KeyedQueue()

    async def hear(self, kind: str, seen: dict[str, Any]) -> bool:
        handlers.take(self.known, self.queue, kind, seen)
        waits = self.queue.depth > 0
        if waits:
            self.queue.done(await self.queue.get())
        return waits


@pytest.fixture
async def told() -> Told:
    return Told()


class TestEvents:
    @pytest.mark.parametrize("kind", ["", "ADDED", "MODIFIED"])
    async def test_of_something_new_is_worth_a_pass(self, told: Told, kind: str) -> None:
        assert await told.hear(kind, body(1))
        assert told.known.get(CHURN) is not None

    async def test_an_echo_and_an_older_one_are_not(self, told: Told) -> None:
        await told.hear("ADDED", body(9))
        assert not await told.hear("MODIFIED", body(9))
        assert not await told.hear("MODIFIED", body(8))
        assert told.known.get(CHURN) == {**body(9), "metadata": _without_managers(body(9))}

    async def test_versions_are_numbers_and_no_texts(self, told: Told) -> None:
        await told.hear("ADDED", body(9))
        assert await told.hear("MODIFIED", body(10))

    async def test_a_deletion_is_worth_one_although_nothing_was_known(self, told: Told) -> None:
        assert await told.hear("DELETED", body(5))

    async def test_a_deletion_of_one_before_does_not_take_its_successor(self, told: Told) -> None:
        await told.hear("ADDED", body(5, "before"))
        await told.hear("ADDED", body(9, "after"))
        await told.hear("DELETED", body(6, "before"))
        known = told.known.get(CHURN)
        assert known is not None
        assert known["metadata"]["uid"] == "after"

    async def test_what_was_deleted_does_not_come_back_with_a_late_one(self, told: Told) -> None:
        await told.hear("ADDED", body(5))
        await told.hear("DELETED", body(6))
        assert not await told.hear("MODIFIED", body(7))
        assert told.known.get(CHURN) is None

    async def test_one_made_again_under_the_name_is_another(self, told: Told) -> None:
        await told.hear("ADDED", body(5))
        await told.hear("DELETED", body(6))
        assert await told.hear("ADDED", body(7, "again"))


def _without_managers(seen: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in seen["metadata"].items() if name != "managedFields"}


class TestBackOff:
    def test_grows_to_its_cap_and_never_ends(self) -> None:
        waits = list(itertools.islice(handlers.EndlessBackoffs(), 2000))
        assert all(0 < wait <= 30 * 1.3 for wait in waits)
        assert waits[0] < 1
        assert min(waits[20:]) >= 30 * 0.7

    def test_begins_anew_each_time_it_is_asked(self) -> None:
        backoffs = handlers.EndlessBackoffs()
        for _ in range(3):
            assert next(iter(backoffs)) < 1

    def test_does_not_send_everybody_back_at_once(self) -> None:
        late = [next(itertools.islice(handlers.EndlessBackoffs(), 30, None)) for _ in range(20)]
        assert len(set(late)) > 1


class TestSettings:
    def test_kopf_writes_nothing_on_objects(self) -> None:
        chosen = handlers.quiet_settings()
        assert not chosen.posting.enabled
        assert chosen.peering.standalone
        patch = kopf.Patch()
        essence = chosen.persistence.diffbase_storage
        seen = kopf.Body(body(1))
        assert essence.fetch(body=seen) is None
        essence.store(body=seen, patch=patch, essence=essence.build(body=seen, extra_fields=[]))
        progress = chosen.persistence.progress_storage
        record: Any = {"started": "2026-01-01"}
        progress.store(key=kopf.HandlerId("h"), record=record, body=seen, patch=patch)
        progress.touch(body=seen, patch=patch, value="x")
        progress.purge(key=kopf.HandlerId("h"), body=seen, patch=patch)
        assert progress.fetch(key=kopf.HandlerId("h"), body=seen) is None
        assert not patch

    def test_no_handler_makes_kopf_want_a_finalizer_or_keep_a_memory(self) -> None:
        registry = handlers.registry(Known(), KeyedQueue(), lambda: "")
        assert not list(registry._changing.get_all_handlers())
        assert not list(registry._spawning.get_all_handlers())
        assert not list(registry._indexing.get_all_handlers())
        assert len(list(registry._watching.get_all_handlers())) == 1


class TestProbe:
    @staticmethod
    def _probe(sentence: str) -> Any:
        registry = handlers.registry(Known(), KeyedQueue(), lambda: sentence)
        (probe,) = registry._activities.get_all_handlers()
        return probe.fn

    async def test_is_alive_while_nothing_has_stalled(self) -> None:
        assert await self._probe("")() == "alive"

    async def test_says_what_has_stalled_and_is_not_tried_again(self) -> None:
        with pytest.raises(kopf.PermanentError, match="the watch of Pod has been silent"):
            await self._probe("the watch of Pod has been silent for 500 s")()
