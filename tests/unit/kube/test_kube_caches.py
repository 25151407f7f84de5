"""Whose child an object is, what of it is kept, and who hears that it changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from seatrial.api import kinds, names
from seatrial.api.metadata import Key
from seatrial.api.objects import Body
from seatrial.kube.caches import Caches
from seatrial.kube.client import Client
from tests.apiserver import FakeApiServer
from tests.unit.kube import kube_objects as objects

pytestmark = pytest.mark.looptime

CHURN, OTHER = Key("default", "churn"), Key("default", "other")


class Watched:
    """Caches that run from the first look on, and what they told."""

    def __init__(self, client: Client) -> None:
        self.keys: list[Key] = []
        self.references: list[tuple[str, str, str]] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.caches = Caches(
            client,
            self.keys.append,
            lambda *place: self.references.append(place),
            clock=asyncio.get_running_loop().time,
        )

    async def settled(self) -> list[Key]:
        """The keys that were told since this was last asked."""
        self.tasks = self.tasks or [asyncio.create_task(one.run()) for one in self.caches.informers]
        await asyncio.sleep(1)
        told, self.keys[:] = list(self.keys), []
        return told


@pytest.fixture
async def watched(client: Client) -> AsyncIterator[Watched]:
    watched = Watched(client)
    yield watched
    for task in watched.tasks:
        assert not task.done(), "an informer never ends by itself"
        task.cancel()


def binding(name: str, *actions: str) -> Body:
    """What puts an admission policy in force."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": list(actions)},
    }


def child(body: Body, owner: str = "churn") -> Body:
    """The object with the labels of a child."""
    labels = {names.LABEL_MANAGED_BY: names.MANAGED_BY, names.LABEL_DEPLOYMENT: owner}
    return {**body, "metadata": {**body["metadata"], "labels": labels}}


def decision(name: str, **spec: str) -> Body:
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.DECISION_KIND,
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }


class TestHearing:
    async def test_of_a_child(self, api: FakeApiServer, watched: Watched) -> None:
        await watched.settled()
        api.insert(kinds.DEPLOYMENT, child(objects.deployment()))
        assert await watched.settled() == [CHURN]
        api.remove(kinds.DEPLOYMENT, "default", "churn")
        assert set(await watched.settled()) == {CHURN}

    async def test_of_nothing_that_is_not_ours(self, api: FakeApiServer, watched: Watched) -> None:
        await watched.settled()
        api.insert(kinds.DEPLOYMENT, objects.deployment())
        ours_of_nobody = child(objects.deployment("b"))
        del ours_of_nobody["metadata"]["labels"][names.LABEL_DEPLOYMENT]
        api.insert(kinds.DEPLOYMENT, ours_of_nobody)
        assert await watched.settled() == []

    async def test_who_loses_a_child_to_another_by_a_changed_label_hears_of_it(
        self, api: FakeApiServer, watched: Watched
    ) -> None:
        api.insert(kinds.DEPLOYMENT, child(objects.deployment()))
        await watched.settled()
        stolen = {"metadata": {"labels": {names.LABEL_DEPLOYMENT: "other"}}}
        api.edit(kinds.DEPLOYMENT, "default", "churn", patch=stolen)
        assert set(await watched.settled()) == {CHURN, OTHER}
        assert watched.caches.of(kinds.DEPLOYMENT, CHURN) == ()
        assert len(watched.caches.of(kinds.DEPLOYMENT, OTHER)) == 1

    @pytest.mark.parametrize("label", [names.LABEL_DEPLOYMENT, names.LABEL_MANAGED_BY])
    async def test_who_loses_a_child_with_a_label_hears_of_it(
        self, api: FakeApiServer, watched: Watched, label: str
    ) -> None:
        api.insert(kinds.DEPLOYMENT, child(objects.deployment()))
        await watched.settled()
        api.edit(kinds.DEPLOYMENT, "default", "churn", patch={"metadata": {"labels": {label: None}}})
        assert set(await watched.settled()) == {CHURN}
        assert watched.caches.of(kinds.DEPLOYMENT, CHURN) == ()

    async def test_of_a_decision_by_what_it_is_about(self, api: FakeApiServer, watched: Watched) -> None:
        await watched.settled()
        api.insert(kinds.ROLLOUT_DECISION, decision("a", deployment="churn"))
        api.insert(kinds.ROLLOUT_DECISION, decision("b"))
        assert await watched.settled() == [CHURN]

    @pytest.mark.parametrize("kind", [kinds.CONFIG_MAP, kinds.SECRET])
    async def test_of_what_is_referred_to(
        self, api: FakeApiServer, watched: Watched, kind: kinds.Kind
    ) -> None:
        await watched.settled()
        watched.references.clear()
        api.insert(kind, {**objects.settings(), "kind": kind.kind})
        await watched.settled()
        assert watched.references == [(kind.kind, "default", "settings")]


class TestKeeping:
    async def test_an_own_write_and_an_own_deletion_at_once(self, client: Client, watched: Watched) -> None:
        await watched.settled()
        made = await client.create(kinds.DEPLOYMENT, child(objects.deployment()))
        watched.caches.observe(made)
        assert len(watched.caches.of(kinds.DEPLOYMENT, CHURN)) == 1
        uid = made["metadata"]["uid"]
        await client.delete(kinds.DEPLOYMENT, "default", "churn", uid=uid)
        watched.caches.observe_delete(kinds.DEPLOYMENT, "default", "churn", uid=uid)
        assert watched.caches.of(kinds.DEPLOYMENT, CHURN) == ()

    async def test_no_content_of_secrets_and_copies(self, api: FakeApiServer, watched: Watched) -> None:
        api.insert(kinds.SECRET, child({**objects.settings(), "kind": "Secret"}))
        api.insert(kinds.CONFIG_MAP, child(objects.settings("churn-1-0", a="x" * 1000)))
        await watched.settled()
        kept = [
            watched.caches.reference("Secret", "default", "settings"),
            watched.caches.reference("ConfigMap", "default", "churn-1-0"),
            *watched.caches.of(kinds.CONFIG_MAP, CHURN),
        ]
        assert len(kept) == 3
        assert all(body is not None and "data" not in body for body in kept)

    async def test_what_plans_read_of_pods_alone(self, api: FakeApiServer, watched: Watched) -> None:
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "p", "namespace": "default"},
            "spec": {"containers": [{"name": "c", "image": "i"}]},
        }
        api.insert(kinds.POD, child(pod))
        status = {"phase": "Running", "podIP": "10.0.0.1", "hostIP": "10.0.0.2", "reason": "r"}
        api.set_status(kinds.POD, "default", "p", status=status, manager="kubelet")
        await watched.settled()
        (kept,) = watched.caches.of(kinds.POD, CHURN)
        assert kept["status"] == {"phase": "Running", "reason": "r"}
        assert set(kept) == {"metadata", "status"}
        assert "managedFields" not in kept["metadata"]

    async def test_the_order_of_names(self, api: FakeApiServer, watched: Watched) -> None:
        for name in ("b", "c", "a"):
            api.insert(kinds.DEPLOYMENT, child(objects.deployment(name)))
        await watched.settled()
        found = watched.caches.of(kinds.DEPLOYMENT, CHURN)
        assert [body["metadata"]["name"] for body in found] == ["a", "b", "c"]

    async def test_that_a_policy_is_in_force_while_it_is(self, api: FakeApiServer, watched: Watched) -> None:
        await watched.settled()
        assert not watched.caches.policy_in_force("p")
        api.insert(kinds.VALIDATING_ADMISSION_POLICY_BINDING, binding("p", "Audit", "Warn"))
        await watched.settled()
        assert not watched.caches.policy_in_force("p"), "it refuses nothing"
        patch = {"spec": {"validationActions": ["Deny", "Audit"]}}
        api.edit(kinds.VALIDATING_ADMISSION_POLICY_BINDING, "", "p", patch=patch)
        await watched.settled()
        assert watched.caches.policy_in_force("p")
        api.remove(kinds.VALIDATING_ADMISSION_POLICY_BINDING, "", "p")
        await watched.settled()
        assert not watched.caches.policy_in_force("p")
