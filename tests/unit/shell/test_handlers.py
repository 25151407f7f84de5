"""An event of kopf's watch enqueues at most its key, and kopf writes nothing."""

from __future__ import annotations

import itertools
from typing import Any, cast

import kopf
import pytest

from seatrial import handlers
from seatrial.api import kinds
from seatrial.api.metadata import Key
from seatrial.kube.client import Client
from seatrial.kube.informer_group import InformerGroup
from seatrial.kube.informers import InformerConfig
from seatrial.kube.queue import KeyedQueue


def body(version: int) -> dict[str, Any]:
    metadata = {"namespace": "shop", "name": "churn", "uid": "u", "resourceVersion": str(version)}
    return {"metadata": {**metadata, "managedFields": [{"manager": "kubectl"}]}, "spec": {}}


def informer() -> InformerGroup:
    """The informers of ModelDeployments; the test fills their store."""
    return InformerGroup(
        cast("Client", None),
        kinds.MODEL_DEPLOYMENT,
        lambda _event, _body: None,
        config=InformerConfig(lambda: 0.0),
    )


class Watch:
    """kopf's watch of ModelDeployments, and the queue behind it."""

    def __init__(self) -> None:
        self.informer = informer()
        self.queue: KeyedQueue[Key] = KeyedQueue()
        registry = handlers.registry(self.informer, self.queue, lambda: "")
        (self._handler,) = registry._watching.get_all_handlers()

    async def delivers(self, event: str, body: dict[str, Any]) -> bool:
        """Deliver an event; return whether it enqueued the object."""
        await self._handler.fn(event={"type": event, "object": body}, body=body)  # type: ignore[call-arg]
        enqueued = self.queue.depth > 0
        if enqueued:
            key = await self.queue.get()
            assert key == Key("shop", "churn")
            self.queue.done(key)
        return enqueued


@pytest.fixture
async def watch() -> Watch:
    return Watch()


class TestEvents:
    @pytest.mark.parametrize("event", ["", "ADDED", "MODIFIED", "DELETED"])
    async def test_a_version_that_the_informer_has_not_seen_is_enqueued(
        self, watch: Watch, event: str
    ) -> None:
        watch.informer.informers[0].store.upsert(body(1))
        assert await watch.delivers(event, body(2))

    async def test_the_echo_of_an_own_write_is_not_enqueued(self, watch: Watch) -> None:
        watch.informer.observe_write(body(9), notify=False)
        assert not await watch.delivers("MODIFIED", body(9))
        assert not await watch.delivers("MODIFIED", body(8))

    async def test_a_deletion_that_the_informer_has_seen_is_not_enqueued(self, watch: Watch) -> None:
        watch.informer.informers[0].store.upsert(body(5))
        watch.informer.informers[0].store.delete(body(6))
        assert not await watch.delivers("DELETED", body(6))

    async def test_an_event_changes_nothing_in_the_store(self, watch: Watch) -> None:
        await watch.delivers("ADDED", body(1))
        assert len(watch.informer) == 0


class TestBackOff:
    def test_the_back_off_grows_to_its_limit_and_never_ends(self) -> None:
        waits = list(itertools.islice(handlers.EndlessBackoffs(), 2000))
        assert all(0 < wait <= 30 * 1.3 for wait in waits)
        assert waits[0] < 1
        assert min(waits[20:]) >= 30 * 0.7

    def test_every_iteration_starts_anew(self) -> None:
        backoffs = handlers.EndlessBackoffs()
        for _ in range(3):
            assert next(iter(backoffs)) < 1

    def test_the_back_off_has_jitter(self) -> None:
        late = [next(itertools.islice(handlers.EndlessBackoffs(), 30, None)) for _ in range(20)]
        assert len(set(late)) > 1


class TestSettings:
    def test_kopf_writes_nothing_to_objects(self) -> None:
        chosen = handlers.settings()
        assert not chosen.posting.enabled
        assert chosen.peering.standalone
        patch = kopf.Patch()
        essence = chosen.persistence.diffbase_storage
        resource = kopf.Body(body(1))
        assert essence.fetch(body=resource) is None
        essence.store(body=resource, patch=patch, essence=essence.build(body=resource, extra_fields=[]))
        progress = chosen.persistence.progress_storage
        record: Any = {"started": "2026-01-01"}
        progress.store(key=kopf.HandlerId("h"), record=record, body=resource, patch=patch)
        progress.touch(body=resource, patch=patch, value="x")
        progress.purge(key=kopf.HandlerId("h"), body=resource, patch=patch)
        assert progress.fetch(key=kopf.HandlerId("h"), body=resource) is None
        assert not patch

    def test_no_handler_makes_kopf_add_a_finalizer_or_keep_objects(self) -> None:
        registry = handlers.registry(informer(), KeyedQueue(), lambda: "")
        assert not list(registry._changing.get_all_handlers())
        assert not list(registry._spawning.get_all_handlers())
        assert not list(registry._indexing.get_all_handlers())
        assert len(list(registry._watching.get_all_handlers())) == 1


class TestProbe:
    @staticmethod
    def _probe(sentence: str) -> Any:
        registry = handlers.registry(informer(), KeyedQueue(), lambda: sentence)
        (probe,) = registry._activities.get_all_handlers()
        return probe.fn

    async def test_the_probe_succeeds_while_nothing_has_stalled(self) -> None:
        assert await self._probe("")() == "alive"

    async def test_the_probe_fails_at_once_with_what_has_stalled(self) -> None:
        with pytest.raises(kopf.PermanentError, match="the watch of Pod has received nothing"):
            await self._probe("the watch of Pod has received nothing for 500 s")()
