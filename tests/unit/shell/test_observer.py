"""What a spec refers to is read once per version, and forgotten when nobody refers to it any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.api import kinds, model_deployment
from seatrial.api.metadata import Key
from seatrial.api.objects import Body
from seatrial.core.references import Reference, ReferenceKind
from seatrial.kube.caches import Caches
from seatrial.kube.client import Client
from seatrial.observer import DECISION_POLICY, Observer, Referrers
from tests.apiserver import FakeApiServer
from tests.unit.shell import shell_objects as objects
from tests.unit.shell.shell_objects import NAMESPACE

ONE = Reference(holder=ReferenceKind.CONFIG_MAP, name="one")
TWO = Reference(holder=ReferenceKind.CONFIG_MAP, name="two")
SECRET = Reference(holder=ReferenceKind.SECRET, name="one")
A, B, ELSEWHERE = Key(NAMESPACE, "a"), Key(NAMESPACE, "b"), Key("elsewhere", "a")


class TestReferrers:
    def test_are_those_who_said_so_last(self) -> None:
        referrers = Referrers()
        referrers.set_references(A, [ONE, TWO])
        referrers.set_references(B, [ONE])
        assert referrers.keys_of("ConfigMap", NAMESPACE, "one") == {A, B}
        referrers.set_references(A, [TWO])
        assert referrers.keys_of("ConfigMap", NAMESPACE, "one") == {B}
        assert referrers.keys_of("ConfigMap", NAMESPACE, "two") == {A}

    def test_kind_and_namespace_tell_places_apart(self) -> None:
        referrers = Referrers()
        referrers.set_references(A, [ONE])
        referrers.set_references(B, [SECRET])
        referrers.set_references(ELSEWHERE, [ONE])
        assert referrers.keys_of("ConfigMap", NAMESPACE, "one") == {A}
        assert referrers.keys_of("Secret", NAMESPACE, "one") == {B}
        assert referrers.keys_of("ConfigMap", "elsewhere", "one") == {ELSEWHERE}

    def test_the_last_one_leaves_the_place_to_nobody(self) -> None:
        referrers = Referrers()
        for key in (A, B):
            assert referrers.set_references(key, [ONE]) == frozenset()
        assert referrers.set_references(A, []) == frozenset()
        assert referrers.set_references(B, [TWO]) == {("ConfigMap", NAMESPACE, "one")}
        assert referrers.set_references(B, [TWO]) == frozenset(), "told once"

    @given(
        st.lists(
            st.tuples(st.sampled_from([A, B, ELSEWHERE]), st.sets(st.sampled_from([ONE, TWO, SECRET]))),
            max_size=12,
        )
    )
    def test_every_place_is_somebody_s_or_was_told_as_left(
        self, steps: list[tuple[Key, set[Reference]]]
    ) -> None:
        referrers = Referrers()
        now: dict[Key, set[Reference]] = {}
        kept: set[tuple[str, str, str]] = set()
        for key, asked in steps:
            left = referrers.set_references(key, asked)
            now[key] = asked
            kept |= {(str(r.holder), key.namespace, r.name) for r in asked}
            kept -= left
            expected = {(str(r.holder), k.namespace, r.name) for k, refs in now.items() for r in refs}
            assert kept == expected
            for kind, namespace, name in kept:
                users = {
                    k
                    for k, refs in now.items()
                    if k.namespace == namespace and Reference(holder=ReferenceKind(kind), name=name) in refs
                }
                assert referrers.keys_of(kind, namespace, name) == users


class Watching:
    """An observer whose caches run from the first look on; the test says what objects refer to."""

    def __init__(self, api: FakeApiServer, client: Client, caches: Caches) -> None:
        self.api = api
        self.caches = caches
        self.observer = Observer(client, caches, Referrers())
        self.tasks: list[asyncio.Task[None]] = []

    async def settle(self) -> None:
        self.tasks = self.tasks or [asyncio.create_task(one.run()) for one in self.caches.informers]
        await asyncio.sleep(1)

    async def look(self, *asked: Reference, name: str = "churn") -> dict[str, Body]:
        """What is seen of each, as plain values."""
        body = self.api.look(kinds.MODEL_DEPLOYMENT, NAMESPACE, name)
        assert body is not None
        desired = model_deployment.parse(body)
        seen = (await self.observer.observe(desired, asked, None)).references
        return {
            str(reference): {"present": one.present, "data": dict(one.data), "digest": one.digest}
            for reference, one in seen.items()
        }

    def fetched(self) -> int:
        """How often the content of a ConfigMap or Secret was read."""
        places = (f"/namespaces/{NAMESPACE}/configmaps/", f"/namespaces/{NAMESPACE}/secrets/")
        return sum(any(place in request.path for place in places) for request in self.api.requests)


@pytest.fixture
async def watching(api: FakeApiServer, client: Client, caches: Caches) -> AsyncIterator[Watching]:
    watching = Watching(api, client, caches)
    yield watching
    for task in watching.tasks:
        task.cancel()


def content(name: str, kind: kinds.Kind = kinds.CONFIG_MAP, **data: str) -> Body:
    head = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": kind.kind, "metadata": head, "data": data or {"a": "1"}}


@pytest.mark.looptime
class TestContent:
    async def test_is_read_once_a_version(self, watching: Watching) -> None:
        watching.api.insert(kinds.CONFIG_MAP, content("one"))
        await watching.settle()
        first = await watching.look(ONE)
        assert first["ConfigMap one"]["data"] == {"a": "1"}
        for _ in range(5):
            assert await watching.look(ONE) == first
        assert watching.fetched() == 1
        watching.api.edit(kinds.CONFIG_MAP, NAMESPACE, "one", patch={"data": {"a": "2"}})
        await watching.settle()
        after = await watching.look(ONE)
        assert after["ConfigMap one"]["data"] == {"a": "2"}
        assert after["ConfigMap one"]["digest"] != first["ConfigMap one"]["digest"]
        assert watching.fetched() == 2

    async def test_is_shared_by_all_who_refer_to_it(self, watching: Watching) -> None:
        watching.api.insert(kinds.CONFIG_MAP, content("one"))
        await watching.settle()
        assert await watching.look(ONE) == await watching.look(ONE, name="other")
        assert watching.fetched() == 1

    async def test_is_kept_while_somebody_refers_to_it_and_no_longer(self, watching: Watching) -> None:
        watching.api.insert(kinds.CONFIG_MAP, content("one"))
        await watching.settle()
        await watching.look(ONE)
        await watching.look(ONE, name="other")
        await watching.look()
        await watching.look(ONE, name="other")
        assert watching.fetched() == 1
        watching.observer.forget(Key(NAMESPACE, "other"))
        assert watching.observer._content == {}
        await watching.look(ONE)
        assert watching.fetched() == 2

    async def test_that_nobody_asked_for_is_nothing_to_forget(self, watching: Watching) -> None:
        watching.observer.forget(Key(NAMESPACE, "stranger"))
        await watching.settle()
        assert await watching.look(ONE) == {"ConfigMap one": {"present": False, "data": {}, "digest": ""}}

    async def test_of_a_secret_is_a_digest_alone(self, watching: Watching) -> None:
        watching.api.insert(kinds.SECRET, content("one", kinds.SECRET, key="c2VjcmV0"))
        await watching.settle()
        (seen,) = (await watching.look(SECRET)).values()
        assert (seen["present"], seen["data"], bool(seen["digest"])) == (True, {}, True)
        assert "c2VjcmV0" not in repr(watching.observer._content)

    async def test_that_goes_between_two_looks_is_absent(self, watching: Watching) -> None:
        watching.api.insert(kinds.CONFIG_MAP, content("one"))
        await watching.settle()
        watching.api.remove(kinds.CONFIG_MAP, NAMESPACE, "one")
        (seen,) = (await watching.look(ONE)).values()
        assert not seen["present"], "the cache has not heard of it yet, the server says it"
        await watching.settle()
        (seen,) = (await watching.look(ONE)).values()
        assert not seen["present"]
        assert watching.fetched() == 1

    async def test_binary_data_and_text_of_one_name_are_not_the_same(self, watching: Watching) -> None:
        watching.api.insert(kinds.CONFIG_MAP, content("one", a="eA=="))
        binary = {**content("two"), "binaryData": {"a": "eA=="}}
        del binary["data"]
        watching.api.insert(kinds.CONFIG_MAP, binary)
        await watching.settle()
        seen = await watching.look(ONE, TWO)
        assert seen["ConfigMap one"]["digest"] != seen["ConfigMap two"]["digest"]


@pytest.mark.looptime
class TestSeeing:
    async def test_children_of_one_object_alone(self, watching: Watching) -> None:
        watching.api.insert(kinds.DEPLOYMENT, objects.deployment())
        watching.api.insert(kinds.SERVICE, objects.service("other", owner=objects.OTHER))
        await watching.settle()
        body = watching.api.look(kinds.MODEL_DEPLOYMENT, NAMESPACE, "churn")
        assert body is not None
        seen = await watching.observer.observe(model_deployment.parse(body), (), None)
        assert [child["metadata"]["name"] for child in seen.children()] == ["churn-a"]

    async def test_that_the_policy_of_decisions_is_in_force(self, watching: Watching) -> None:
        body = watching.api.look(kinds.MODEL_DEPLOYMENT, NAMESPACE, "churn")
        assert body is not None
        desired = model_deployment.parse(body)
        await watching.settle()
        assert not (await watching.observer.observe(desired, (), None)).decisions_trusted
        binding = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": DECISION_POLICY},
            "spec": {"policyName": DECISION_POLICY, "validationActions": ["Deny"]},
        }
        watching.api.insert(kinds.VALIDATING_ADMISSION_POLICY_BINDING, binding)
        await watching.settle()
        assert (await watching.observer.observe(desired, (), None)).decisions_trusted
