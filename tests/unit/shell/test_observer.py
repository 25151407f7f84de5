"""The content of references is fetched once per version and dropped when nobody refers to it any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from seatrial.api import kinds, model_deployment, names
from seatrial.api.metadata import Key
from seatrial.api.objects import Body
from seatrial.core.references import Reference, ReferenceKind
from seatrial.kube import failures, transport
from seatrial.kube.caches import Caches
from seatrial.kube.client import Client
from seatrial.kube.pod_metrics import through_api_server
from seatrial.kube.sampler import Sampler
from seatrial.observation.observed import Questions
from seatrial.observer import DECISION_POLICY, Observer, Referrers
from tests.apiserver import FakeApiServer
from tests.unit.shell import shell_objects as objects
from tests.unit.shell.shell_objects import NAMESPACE

ONE = Reference(holder=ReferenceKind.CONFIG_MAP, name="one")
TWO = Reference(holder=ReferenceKind.CONFIG_MAP, name="two")
SECRET = Reference(holder=ReferenceKind.SECRET, name="one")
A, B, ELSEWHERE = Key(NAMESPACE, "a"), Key(NAMESPACE, "b"), Key("elsewhere", "a")


class RunningObserver:
    """An observer whose caches run from the first `catch_up` on; the test passes the references."""

    def __init__(self, api: FakeApiServer, client: Client, caches: Caches) -> None:
        self.api = api
        self.caches = caches
        loop = asyncio.get_running_loop()
        self.sampler = Sampler(
            through_api_server(client), lambda _key: None, now=lambda: objects.START, clock=loop.time
        )
        self.observer = Observer(client, caches, Referrers(), self.sampler)
        self.tasks: list[asyncio.Task[None]] = []

    async def catch_up(self) -> None:
        self.tasks = self.tasks or [asyncio.create_task(informer.run()) for informer in self.caches.informers]
        await asyncio.sleep(1)

    async def observe(self, *references: Reference, name: str = "churn") -> dict[str, Body]:
        """Return what was observed of each reference, as plain values."""
        body = self.api.look(kinds.MODEL_DEPLOYMENT, NAMESPACE, name)
        assert body is not None
        desired = model_deployment.parse(body)
        observed = (await self.observer.observe(desired, Questions(references=references))).references
        return {
            str(reference): {"present": data.present, "data": dict(data.data), "digest": data.digest}
            for reference, data in observed.items()
        }

    def fetches(self) -> int:
        """Return how often the content of a ConfigMap or Secret was fetched."""
        places = (f"/namespaces/{NAMESPACE}/configmaps/", f"/namespaces/{NAMESPACE}/secrets/")
        return sum(any(place in request.path for place in places) for request in self.api.requests)


@pytest.fixture
async def running(api: FakeApiServer, client: Client, caches: Caches) -> AsyncIterator[RunningObserver]:
    running = RunningObserver(api, client, caches)
    yield running
    for task in running.tasks:
        task.cancel()


def content(name: str, kind: kinds.Kind = kinds.CONFIG_MAP, **data: str) -> Body:
    head = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": kind.kind, "metadata": head, "data": data or {"a": "1"}}


@pytest.mark.looptime
class TestContent:
    async def test_content_is_fetched_once_per_version(self, running: RunningObserver) -> None:
        running.api.insert(kinds.CONFIG_MAP, content("one"))
        await running.catch_up()
        first = await running.observe(ONE)
        assert first["ConfigMap one"]["data"] == {"a": "1"}
        for _ in range(5):
            assert await running.observe(ONE) == first
        assert running.fetches() == 1
        running.api.edit(kinds.CONFIG_MAP, NAMESPACE, "one", patch={"data": {"a": "2"}})
        await running.catch_up()
        after = await running.observe(ONE)
        assert after["ConfigMap one"]["data"] == {"a": "2"}
        assert after["ConfigMap one"]["digest"] != first["ConfigMap one"]["digest"]
        assert running.fetches() == 2

    async def test_content_is_shared_by_all_referrers(self, running: RunningObserver) -> None:
        running.api.insert(kinds.CONFIG_MAP, content("one"))
        await running.catch_up()
        assert await running.observe(ONE) == await running.observe(ONE, name="other")
        assert running.fetches() == 1

    async def test_content_is_kept_only_while_somebody_refers_to_it(self, running: RunningObserver) -> None:
        running.api.insert(kinds.CONFIG_MAP, content("one"))
        await running.catch_up()
        await running.observe(ONE)
        await running.observe(ONE, name="other")
        await running.observe()
        await running.observe(ONE, name="other")
        assert running.fetches() == 1
        running.observer.forget(Key(NAMESPACE, "other"))
        assert running.observer._content == {}
        await running.observe(ONE)
        assert running.fetches() == 2

    async def test_an_object_without_references_can_be_forgotten(self, running: RunningObserver) -> None:
        running.observer.forget(Key(NAMESPACE, "unknown"))
        await running.catch_up()
        assert await running.observe(ONE) == {"ConfigMap one": {"present": False, "data": {}, "digest": ""}}

    async def test_only_the_digest_of_a_secret_is_kept(self, running: RunningObserver) -> None:
        running.api.insert(kinds.SECRET, content("one", kinds.SECRET, key="c2VjcmV0"))
        await running.catch_up()
        (observed,) = (await running.observe(SECRET)).values()
        assert (observed["present"], observed["data"], bool(observed["digest"])) == (True, {}, True)
        assert "c2VjcmV0" not in repr(running.observer._content)

    async def test_without_secret_content_the_version_stands_for_it(
        self, running: RunningObserver, api: FakeApiServer, client: Client
    ) -> None:
        running.observer = Observer(
            client, running.caches, Referrers(), running.sampler, secret_content=False
        )
        api.insert(kinds.SECRET, content("one", kinds.SECRET, key="c2VjcmV0"))
        (first,) = (await running.observe(SECRET)).values()
        assert (first["present"], first["data"], bool(first["digest"])) == (True, {}, True)
        api.edit(kinds.SECRET, NAMESPACE, "one", patch={"data": {"key": "YW5vdGhlcg=="}})
        running.caches.secrets.forget(NAMESPACE, "one")
        (second,) = (await running.observe(SECRET)).values()
        assert second["digest"] != first["digest"]
        assert {r.accept for r in api.requests if "/secrets/" in r.path} == {transport.PARTIAL_OBJECT}

    async def test_without_any_right_to_secrets_they_count_as_present(
        self, running: RunningObserver, api: FakeApiServer, client: Client
    ) -> None:
        api.faults.fail_next(100, 403, lambda request: "/secrets/" in request.path)
        running.observer = Observer(
            client, running.caches, Referrers(), running.sampler, secret_content=False
        )
        (observed,) = (await running.observe(SECRET)).values()
        assert (observed["present"], observed["digest"]) == (True, "")
        running.observer = Observer(client, running.caches, Referrers(), running.sampler)
        with pytest.raises(failures.Forbidden):
            await running.observe(SECRET)

    async def test_an_object_deleted_before_the_fetch_is_absent(self, running: RunningObserver) -> None:
        running.api.insert(kinds.CONFIG_MAP, content("one"))
        await running.catch_up()
        running.api.remove(kinds.CONFIG_MAP, NAMESPACE, "one")
        (observed,) = (await running.observe(ONE)).values()
        assert not observed["present"], "the cache still has it, the server answers NotFound"
        await running.catch_up()
        (observed,) = (await running.observe(ONE)).values()
        assert not observed["present"]
        assert running.fetches() == 1

    async def test_binary_data_and_text_of_one_name_have_different_digests(
        self, running: RunningObserver
    ) -> None:
        running.api.insert(kinds.CONFIG_MAP, content("one", a="eA=="))
        binary = {**content("two"), "binaryData": {"a": "eA=="}}
        del binary["data"]
        running.api.insert(kinds.CONFIG_MAP, binary)
        await running.catch_up()
        observed = await running.observe(ONE, TWO)
        assert observed["ConfigMap one"]["digest"] != observed["ConfigMap two"]["digest"]


@pytest.mark.looptime
class TestObserve:
    async def test_only_the_children_of_the_object_are_observed(self, running: RunningObserver) -> None:
        running.api.insert(kinds.DEPLOYMENT, objects.deployment())
        running.api.insert(kinds.SERVICE, objects.service("other", owner=objects.OTHER))
        await running.catch_up()
        body = running.api.look(kinds.MODEL_DEPLOYMENT, NAMESPACE, "churn")
        assert body is not None
        observed = await running.observer.observe(model_deployment.parse(body), Questions())
        assert [body["metadata"]["name"] for bodies in observed.children.values() for body in bodies] == [
            "churn-a"
        ]

    async def test_decisions_are_trusted_while_the_policy_is_in_force(self, running: RunningObserver) -> None:
        body = running.api.look(kinds.MODEL_DEPLOYMENT, NAMESPACE, "churn")
        assert body is not None
        desired = model_deployment.parse(body)
        await running.catch_up()
        assert not (await running.observer.observe(desired, Questions())).decisions_trusted
        binding = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": DECISION_POLICY},
            "spec": {"policyName": DECISION_POLICY, "validationActions": ["Deny"]},
        }
        running.api.insert(kinds.VALIDATING_ADMISSION_POLICY_BINDING, binding)
        await running.catch_up()
        assert (await running.observer.observe(desired, Questions())).decisions_trusted


def _autoscaler(name: str, *, target: str, **head: object) -> Body:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    spec = {"scaleTargetRef": reference, "minReplicas": 1, "maxReplicas": 9}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": NAMESPACE, **head},
        "spec": spec,
    }


@pytest.mark.looptime
class TestForeignAutoscalers:
    async def _observed(self, running: RunningObserver) -> dict[str, str]:
        body = running.api.look(kinds.MODEL_DEPLOYMENT, NAMESPACE, "churn")
        assert body is not None
        observed = await running.observer.observe(model_deployment.parse(body), Questions())
        return dict(observed.foreign_autoscalers)

    async def _scaled(self, running: RunningObserver, *, by: str) -> str:
        """Insert a Deployment that `by` has scaled, start the caches, and return its name."""
        body = objects.deployment(f"churn-{objects.REVISION}")
        running.api.insert(kinds.DEPLOYMENT, body)
        name = str(body["metadata"]["name"])
        running.api.scale(kinds.DEPLOYMENT, NAMESPACE, name, replicas=5, manager=by)
        await running.catch_up()
        return name

    def _lists(self, running: RunningObserver) -> int:
        """Return how often the autoscalers of the namespace were listed, ours by their label not counted."""
        requests = [r for r in running.api.requests if r.path.endswith("/horizontalpodautoscalers")]
        return sum("labelSelector" not in request.query for request in requests)

    async def test_autoscalers_are_not_listed_while_only_the_operator_scales(
        self, running: RunningObserver
    ) -> None:
        name = await self._scaled(running, by=names.FIELD_MANAGER)
        running.api.insert(kinds.HPA, _autoscaler("idle", target=name))
        assert await self._observed(running) == {}
        assert self._lists(running) == 0

    async def test_an_autoscaler_that_has_scaled_a_child_is_found(self, running: RunningObserver) -> None:
        name = await self._scaled(running, by="kube-controller-manager")
        running.api.insert(kinds.HPA, _autoscaler("elsewhere", target="other"))
        running.api.insert(kinds.HPA, _autoscaler("by-the-team", target=name))
        assert await self._observed(running) == {objects.REVISION: "by-the-team"}
        assert self._lists(running) == 1

    async def test_a_person_who_scales_a_child_is_no_autoscaler(self, running: RunningObserver) -> None:
        await self._scaled(running, by="kubectl")
        assert await self._observed(running) == {}

    async def test_our_own_autoscaler_is_not_foreign(self, running: RunningObserver) -> None:
        name = await self._scaled(running, by="kube-controller-manager")
        head = objects.child(kinds.HPA, name)["metadata"]
        running.api.insert(kinds.HPA, {**_autoscaler(name, target=name), "metadata": head})
        assert await self._observed(running) == {}
