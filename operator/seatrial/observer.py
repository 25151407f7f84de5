"""Observes everything a plan needs: children and decisions in the caches, and the content of references."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from seatrial.api import kinds, model_deployment, names, objects
from seatrial.api.metadata import Key
from seatrial.api.objects import Body, label_of
from seatrial.core import revision
from seatrial.core.evidence.samples import NO_SAMPLES, Samples
from seatrial.core.references import Reference, ReferencedData, ReferenceKind
from seatrial.core.snapshot import ApplyError, Bodies
from seatrial.kube import failures
from seatrial.kube.caches import Caches
from seatrial.kube.client import Client
from seatrial.kube.pod_metrics import Endpoint
from seatrial.kube.rejections import field_problems
from seatrial.kube.sampler import Sampler
from seatrial.manifests import metadata
from seatrial.manifests.spec_paths import FieldProblem
from seatrial.observation import autoscalers
from seatrial.observation.observed import Measurement, Observed, Questions
from seatrial.observation.pod_diagnosis import is_ready

DECISION_POLICY: Final = "seatrial-decisions"
"""The ValidatingAdmissionPolicyBinding that keeps anybody from deciding in the name of another user."""

_KIND: Final = {ReferenceKind.CONFIG_MAP: kinds.CONFIG_MAP, ReferenceKind.SECRET: kinds.SECRET}
Answers = dict[str, tuple[FieldProblem, ...]]
"""What is wrong with rendered objects, by the hash of their rendering."""
_ABSENT: Final = ReferencedData(present=False)
_UNREADABLE: Final = ReferencedData(present=True)
"""A Secret that the operator may not even look up: its pods say whether it exists."""

ObjectRef: TypeAlias = tuple[str, str, str]
"""Kind, namespace and name of a ConfigMap or Secret."""


class Referrers:
    """Which ModelDeployments refer to which ConfigMaps and Secrets: a change of one enqueues its referrers."""

    def __init__(self) -> None:
        self._keys: dict[ObjectRef, set[Key]] = defaultdict(set)
        self._refs: dict[Key, frozenset[ObjectRef]] = {}

    def set_references(self, key: Key, references: Iterable[Reference]) -> frozenset[ObjectRef]:
        """Replace the references of `key`; return the objects that nobody refers to any more."""
        after = frozenset(_ref(key.namespace, reference) for reference in references)
        before = self._refs.pop(key, frozenset())
        if after:
            self._refs[key] = after
        for ref in after:
            self._keys[ref].add(key)
        return frozenset(ref for ref in before - after if self._remove(ref, key))

    def keys_of(self, kind: str, namespace: str, name: str) -> frozenset[Key]:
        """Return the keys of the ModelDeployments that refer to the object."""
        return frozenset(self._keys.get((kind, namespace, name), ()))

    def _remove(self, ref: ObjectRef, key: Key) -> bool:
        """Remove the reference; return whether it was the last one to the object."""
        self._keys[ref].discard(key)
        if self._keys[ref]:
            return False
        del self._keys[ref]
        return True


def _ref(namespace: str, reference: Reference) -> ObjectRef:
    return (str(reference.holder), namespace, reference.name)


class Observer:
    """Reads only. The content of a reference is fetched once per version and kept while somebody refers to it.

    Without `secret_content` that of Secrets is never requested: the version stands for it.
    """

    def __init__(
        self,
        client: Client,
        caches: Caches,
        referrers: Referrers,
        sampler: Sampler,
        *,
        secret_content: bool = True,
    ) -> None:
        self._client = client
        self._sampler = sampler
        self._caches = caches
        self._referrers = referrers
        self._secret_content = secret_content
        self._content: dict[ObjectRef, ReferencedData] = {}
        self._answers: dict[Key, Answers] = {}
        """To the dry runs of an object; kept while they are asked, so that each is sent once."""

    async def observe(
        self,
        desired: model_deployment.ModelDeployment,
        questions: Questions,
        apply_errors: tuple[ApplyError, ...] = (),
    ) -> Observed:
        """Return what the cluster has now of one object: its children and decisions, what it refers to, its metrics."""
        key, references = desired.key, questions.references
        self._set_references(key, references)
        content = {reference: await self._referenced(key.namespace, reference) for reference in references}
        children = self._caches.children_of(key)
        problems = await self._dry_run(key, questions.dry_runs)
        return Observed(
            children={**children, kinds.ROLLOUT_DECISION.kind: self._caches.decisions_of(key)},
            references=content,
            samples=self._samples(key, questions.measurement, children.get(kinds.POD.kind, ())),
            foreign_autoscalers=await self._foreign_autoscalers(desired, children[kinds.DEPLOYMENT.kind]),
            decisions_trusted=self._caches.policy_in_force(DECISION_POLICY),
            apply_errors=apply_errors,
            problems=problems,
        )

    async def _foreign_autoscalers(
        self, desired: model_deployment.ModelDeployment, deployments: Bodies
    ) -> Mapping[str, str]:
        """Return who scales Deployments of ours: listed only where another client set the replicas of one last.

        An autoscaler of somebody else has no label that a watch could select by.
        """
        scaled = autoscalers.scaled_by_others(deployments)
        if not scaled or desired.spec.scaling.autoscaled:
            return {}
        try:
            listed = await self._client.list(kinds.HPA, desired.key.namespace)
        except failures.ApiError:
            return {}  # only what is said and who scales depends on it: nothing else waits for it
        return autoscalers.foreign_autoscalers(scaled, listed.items, uid=desired.uid)

    def decisions(self, key: Key) -> tuple[Body, ...]:
        """Return the RolloutDecisions about one object, whether it exists or not."""
        return self._caches.decisions_of(key)

    def forget(self, key: Key) -> None:
        """Drop the references of a deleted object and the content that only it referred to."""
        self._set_references(key, ())
        self._answers.pop(key, None)
        self._sampler.forget(key)

    async def _dry_run(self, key: Key, bodies: tuple[Body, ...]) -> tuple[FieldProblem, ...]:
        """Return what the API server rejects in these objects; nothing where it does not answer: the write will."""
        known, answers = self._answers.pop(key, {}), Answers()
        for body in bodies:
            digest = body["metadata"]["annotations"][metadata.APPLIED]
            answer = known[digest] if digest in known else await self._check(body)
            if answer is not None:
                answers[digest] = answer
        if answers:
            self._answers[key] = answers
        return tuple(problem for answer in answers.values() for problem in answer)

    async def _check(self, body: Body) -> tuple[FieldProblem, ...] | None:
        """Return the fields that the API server rejects; None if it did not look at them."""
        try:
            await self._client.check(self._caches.kind_of(body), body)
        except failures.Invalid as error:
            return field_problems(body["kind"], error)
        except failures.ApiError:
            return None
        return ()

    def _samples(self, key: Key, measurement: Measurement | None, pods: tuple[Body, ...]) -> Samples:
        """Let the metrics of the pods in question be read from now on; return what was read last."""
        if measurement is None:
            self._sampler.forget(key)
            return NO_SAMPLES
        endpoints = (_endpoint(pod) for pod in pods if _is_measured(pod, measurement))
        return self._sampler.watch(key, endpoints, interval=measurement.interval.total_seconds())

    def _set_references(self, key: Key, references: Iterable[Reference]) -> None:
        for ref in self._referrers.set_references(key, references):
            self._content.pop(ref, None)
            kind, namespace, name = ref
            if kind == ReferenceKind.SECRET:
                self._caches.secrets.forget(namespace, name)

    async def _referenced(self, namespace: str, reference: Reference) -> ReferencedData:
        """Return the content of a ConfigMap or Secret; fetch it unless this version has been fetched before."""
        ref, is_secret = _ref(namespace, reference), reference.holder is ReferenceKind.SECRET
        try:
            identity = await self._metadata(namespace, reference)
        except failures.Forbidden:
            if is_secret and not self._secret_content:
                return _UNREADABLE
            raise
        if identity is None:
            self._content.pop(ref, None)
            return _ABSENT
        if is_secret and not self._secret_content:
            return _version_of(identity)
        content = self._content.get(ref)
        if content is None or content.version != objects.version_of(identity):
            content = await self._fetch(namespace, reference)
            self._content[ref] = content
        return content

    async def _metadata(self, namespace: str, reference: Reference) -> Body | None:
        if reference.holder is ReferenceKind.SECRET:
            return await self._caches.secrets.get(namespace, reference.name)
        return self._caches.config_map(namespace, reference.name)

    async def _fetch(self, namespace: str, reference: Reference) -> ReferencedData:
        try:
            body = await self._client.get(_KIND[reference.holder], namespace, reference.name)
        except failures.NotFound:
            return _ABSENT
        return _referenced_data(body)


def _is_measured(pod: Body, measurement: Measurement) -> bool:
    """Return whether a pod serves one of the revisions in question and can be reached."""
    is_server = bool(label_of(pod, names.LABEL_SERVER)) and is_ready(pod)
    return (
        is_server
        and label_of(pod, names.LABEL_REVISION) in measurement.revisions
        and bool((pod.get("status") or {}).get("podIP"))
    )


def _endpoint(pod: Body) -> Endpoint:
    namespace, name = objects.key_of(pod)
    address, revision_name = str(pod["status"]["podIP"]), label_of(pod, names.LABEL_REVISION)
    return Endpoint(namespace, name, objects.uid_of(pod), address, revision_name)


def _version_of(metadata: Body) -> ReferencedData:
    """Return a Secret of which only identity and version are known."""
    uid, version = objects.uid_of(metadata), objects.version_of(metadata)
    return ReferencedData(
        present=True, digest=revision.digest_of({"uid": uid, "version": version}), version=version
    )


def _referenced_data(body: Body) -> ReferencedData:
    """Return digest, version and data of a ConfigMap; of a Secret no data, so that none is kept in memory."""
    data, binary = body.get("data") or {}, body.get("binaryData") or {}
    is_secret = body.get("kind") == kinds.SECRET.kind
    return ReferencedData(
        present=True,
        digest=revision.digest_of({**data, **{f"binary:{name}": value for name, value in binary.items()}}),
        version=objects.version_of(body),
        data={} if is_secret else data,
        binary_data={} if is_secret else binary,
    )
