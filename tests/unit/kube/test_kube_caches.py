"""Which ModelDeployment a changed object enqueues, and what is kept of the object."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from seatrial.api import kinds, names
from seatrial.api.metadata import Key
from seatrial.api.objects import Body
from seatrial.kube.caches import CHILD_KINDS, Caches, ChildKind
from seatrial.kube.client import Client
from tests.apiserver import FakeApiServer
from tests.unit.kube import kube_objects as objects

pytestmark = pytest.mark.looptime

CHURN, OTHER = Key("default", "churn"), Key("default", "other")


class RunningCaches:
    """Caches whose informers run from the first `enqueued` on, and what they reported."""

    def __init__(self, client: Client, child_kinds: tuple[ChildKind, ...] = CHILD_KINDS) -> None:
        self.keys: list[Key] = []
        self.references: list[tuple[str, str, str]] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.caches = Caches(
            client,
            self.keys.append,
            lambda *place: self.references.append(place),
            clock=asyncio.get_running_loop().time,
            child_kinds=child_kinds,
        )

    async def enqueued(self) -> list[Key]:
        """Let the informers catch up; return the keys reported since the last call."""
        self.tasks = self.tasks or [asyncio.create_task(informer.run()) for informer in self.caches.informers]
        await asyncio.sleep(1)
        keys, self.keys[:] = list(self.keys), []
        return keys


@pytest.fixture
async def running(client: Client) -> AsyncIterator[RunningCaches]:
    running = RunningCaches(client)
    yield running
    for task in running.tasks:
        assert not task.done(), "an informer never ends by itself"
        task.cancel()


def binding(name: str, *actions: str) -> Body:
    """A ValidatingAdmissionPolicyBinding."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": list(actions)},
    }


def child(body: Body, owner: str = "churn") -> Body:
    """Return the object with the labels of a child."""
    labels = {names.LABEL_MANAGED_BY: names.MANAGED_BY, names.LABEL_DEPLOYMENT: owner}
    return {**body, "metadata": {**body["metadata"], "labels": labels}}


def decision(name: str, **spec: str) -> Body:
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.DECISION_KIND,
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }


class TestEvents:
    async def test_the_owner_of_a_changed_child_is_enqueued(
        self, api: FakeApiServer, running: RunningCaches
    ) -> None:
        await running.enqueued()
        api.insert(kinds.DEPLOYMENT, child(objects.deployment()))
        assert await running.enqueued() == [CHURN]
        api.remove(kinds.DEPLOYMENT, "default", "churn")
        assert set(await running.enqueued()) == {CHURN}

    async def test_objects_of_others_enqueue_nothing(
        self, api: FakeApiServer, running: RunningCaches
    ) -> None:
        await running.enqueued()
        api.insert(kinds.DEPLOYMENT, objects.deployment())
        ours_of_nobody = child(objects.deployment("b"))
        del ours_of_nobody["metadata"]["labels"][names.LABEL_DEPLOYMENT]
        api.insert(kinds.DEPLOYMENT, ours_of_nobody)
        assert await running.enqueued() == []

    async def test_a_child_whose_owner_label_changes_enqueues_both_owners(
        self, api: FakeApiServer, running: RunningCaches
    ) -> None:
        api.insert(kinds.DEPLOYMENT, child(objects.deployment()))
        await running.enqueued()
        stolen = {"metadata": {"labels": {names.LABEL_DEPLOYMENT: "other"}}}
        api.edit(kinds.DEPLOYMENT, "default", "churn", patch=stolen)
        assert set(await running.enqueued()) == {CHURN, OTHER}
        assert running.caches.of(kinds.DEPLOYMENT, CHURN) == ()
        assert len(running.caches.of(kinds.DEPLOYMENT, OTHER)) == 1

    @pytest.mark.parametrize("label", [names.LABEL_DEPLOYMENT, names.LABEL_MANAGED_BY])
    async def test_a_child_that_loses_its_labels_enqueues_its_former_owner(
        self, api: FakeApiServer, running: RunningCaches, label: str
    ) -> None:
        api.insert(kinds.DEPLOYMENT, child(objects.deployment()))
        await running.enqueued()
        api.edit(kinds.DEPLOYMENT, "default", "churn", patch={"metadata": {"labels": {label: None}}})
        assert set(await running.enqueued()) == {CHURN}
        assert running.caches.of(kinds.DEPLOYMENT, CHURN) == ()

    async def test_a_decision_enqueues_the_object_that_it_is_about(
        self, api: FakeApiServer, running: RunningCaches
    ) -> None:
        await running.enqueued()
        api.insert(kinds.ROLLOUT_DECISION, decision("a", deployment="churn"))
        api.insert(kinds.ROLLOUT_DECISION, decision("b"))
        assert await running.enqueued() == [CHURN]

    async def test_a_changed_config_map_is_reported_by_kind_namespace_and_name(
        self, api: FakeApiServer, running: RunningCaches
    ) -> None:
        await running.enqueued()
        running.references.clear()
        api.insert(kinds.CONFIG_MAP, objects.settings())
        await running.enqueued()
        assert running.references == [("ConfigMap", "default", "settings")]


class TestCopies:
    async def test_own_writes_and_deletions_are_in_effect_at_once(
        self, client: Client, running: RunningCaches
    ) -> None:
        await running.enqueued()
        made = await client.create(kinds.DEPLOYMENT, child(objects.deployment()))
        running.caches.observe(made)
        assert len(running.caches.of(kinds.DEPLOYMENT, CHURN)) == 1
        uid = made["metadata"]["uid"]
        await client.delete(kinds.DEPLOYMENT, "default", "churn", uid=uid)
        running.caches.observe_delete(kinds.DEPLOYMENT, "default", "churn", uid=uid)
        assert running.caches.of(kinds.DEPLOYMENT, CHURN) == ()

    async def test_the_data_of_config_maps_is_not_kept(
        self, api: FakeApiServer, running: RunningCaches
    ) -> None:
        api.insert(kinds.CONFIG_MAP, child(objects.settings("churn-1-0", a="x" * 1000)))
        await running.enqueued()
        stored = [
            running.caches.config_map("default", "churn-1-0"),
            *running.caches.of(kinds.CONFIG_MAP, CHURN),
        ]
        assert len(stored) == 2
        assert all(body is not None and "data" not in body for body in stored)

    async def test_only_the_status_that_plans_read_is_kept_of_pods(
        self, api: FakeApiServer, running: RunningCaches
    ) -> None:
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "p", "namespace": "default"},
            "spec": {"containers": [{"name": "c", "image": "i"}]},
        }
        api.insert(kinds.POD, child(pod))
        status = {"phase": "Running", "podIP": "10.0.0.1", "hostIP": "10.0.0.2", "reason": "r"}
        api.set_status(kinds.POD, "default", "p", status=status, manager="kubelet")
        await running.enqueued()
        (stored,) = running.caches.of(kinds.POD, CHURN)
        assert stored["status"] == {"phase": "Running", "podIP": "10.0.0.1", "reason": "r"}
        assert set(stored) == {"metadata", "status"}
        assert "managedFields" not in stored["metadata"]

    async def test_children_are_sorted_by_name(self, api: FakeApiServer, running: RunningCaches) -> None:
        for name in ("b", "c", "a"):
            api.insert(kinds.DEPLOYMENT, child(objects.deployment(name)))
        await running.enqueued()
        children = running.caches.of(kinds.DEPLOYMENT, CHURN)
        assert [body["metadata"]["name"] for body in children] == ["a", "b", "c"]

    async def test_a_policy_is_in_force_while_its_binding_denies(
        self, api: FakeApiServer, running: RunningCaches
    ) -> None:
        await running.enqueued()
        assert not running.caches.policy_in_force("p")
        api.insert(kinds.VALIDATING_ADMISSION_POLICY_BINDING, binding("p", "Audit", "Warn"))
        await running.enqueued()
        assert not running.caches.policy_in_force("p"), "it rejects nothing"
        patch = {"spec": {"validationActions": ["Deny", "Audit"]}}
        api.edit(kinds.VALIDATING_ADMISSION_POLICY_BINDING, "", "p", patch=patch)
        await running.enqueued()
        assert running.caches.policy_in_force("p")
        api.remove(kinds.VALIDATING_ADMISSION_POLICY_BINDING, "", "p")
        await running.enqueued()
        assert not running.caches.policy_in_force("p")


ROUTE = kinds.Kind("example.com", "v1", "routes", "Route")


class TestChildKinds:
    async def test_children_are_returned_by_the_name_of_their_kind(
        self, api: FakeApiServer, running: RunningCaches
    ) -> None:
        api.insert(kinds.DEPLOYMENT, child(objects.deployment("a")))
        api.insert(kinds.CONFIG_MAP, child(objects.settings("b")))
        api.insert(kinds.CONFIG_MAP, child(objects.settings("c"), owner="other"))
        await running.enqueued()
        children = running.caches.children_of(CHURN)
        assert set(children) == {each.kind.kind for each in CHILD_KINDS}
        names_of = {kind: [body["metadata"]["name"] for body in bodies] for kind, bodies in children.items()}
        assert {kind: children_names for kind, children_names in names_of.items() if children_names} == {
            "Deployment": ["a"],
            "ConfigMap": ["b"],
        }

    async def test_only_the_given_kinds_are_watched_as_children(
        self, api: FakeApiServer, client: Client
    ) -> None:
        running = RunningCaches(client, (ChildKind(kinds.ENDPOINT_SLICE),))
        await running.enqueued()
        api.insert(kinds.DEPLOYMENT, child(objects.deployment()))
        assert await running.enqueued() == []
        slice_ = {
            "apiVersion": kinds.ENDPOINT_SLICE.api_version,
            "kind": "EndpointSlice",
            "metadata": {"name": "s", "namespace": "default"},
        }
        api.insert(kinds.ENDPOINT_SLICE, child(slice_))
        assert await running.enqueued() == [CHURN]
        assert [kind for kind, bodies in running.caches.children_of(CHURN).items() if bodies] == [
            "EndpointSlice"
        ]
        for task in running.tasks:
            task.cancel()

    async def test_a_kind_that_only_a_router_knows_is_found_by_its_bodies(self, client: Client) -> None:
        caches = RunningCaches(client, (ChildKind(ROUTE),)).caches
        body = {
            "apiVersion": "example.com/v1",
            **child({"kind": "Route", "metadata": {"name": "r", "namespace": "default"}}),
        }
        assert caches.kind_of(body) == ROUTE
        assert caches.kind_of({"apiVersion": "v1", "kind": "Pod"}) == kinds.POD
        caches.observe({**body, "metadata": {**body["metadata"], "uid": "u", "resourceVersion": "1"}})
        assert len(caches.of(ROUTE, CHURN)) == 1
