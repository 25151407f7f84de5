"""Looks at everything a plan needs: the caches, and the content of what the spec refers to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final, TypeAlias

from seatrial.api import kinds, model_deployment, objects
from seatrial.api.metadata import Key
from seatrial.api.objects import Body
from seatrial.core import revision
from seatrial.core.references import Reference, ReferencedData, ReferenceKind
from seatrial.core.snapshot import ApplyError
from seatrial.kube import failures
from seatrial.kube.caches import Caches
from seatrial.kube.client import Client
from seatrial.observation.observed import Observed

DECISION_POLICY: Final = "seatrial-decisions"
"""The ValidatingAdmissionPolicyBinding by which nobody can decide in another's name."""

_KIND: Final = {ReferenceKind.CONFIG_MAP: kinds.CONFIG_MAP, ReferenceKind.SECRET: kinds.SECRET}
_ABSENT: Final = ReferencedData(present=False)

ObjectRef: TypeAlias = tuple[str, str, str]
"""Kind, namespace and name of a ConfigMap or Secret."""


class Referrers:
    """Who refers to a ConfigMap or Secret: whoever does is planned again when it changes."""

    def __init__(self) -> None:
        self._of: dict[ObjectRef, set[Key]] = defaultdict(set)
        self._by: dict[Key, frozenset[ObjectRef]] = {}

    def note(self, key: Key, asked: Iterable[Reference]) -> frozenset[ObjectRef]:
        """From now on `key` refers to exactly these; the places that nobody refers to any more."""
        now = frozenset(_place(key.namespace, reference) for reference in asked)
        before = self._by.pop(key, frozenset())
        if now:
            self._by[key] = now
        for found in now:
            self._of[found].add(key)
        return frozenset(gone for gone in before - now if self._is_left(gone, key))

    def of(self, kind: str, namespace: str, name: str) -> frozenset[Key]:
        """The keys that refer to it."""
        return frozenset(self._of.get((kind, namespace, name), ()))

    def _is_left(self, place: ObjectRef, key: Key) -> bool:
        """`key` was the last that referred to it."""
        self._of[place].discard(key)
        if self._of[place]:
            return False
        del self._of[place]
        return True


def _place(namespace: str, reference: Reference) -> ObjectRef:
    return (str(reference.holder), namespace, reference.name)


class Observer:
    """Reads; the content of references is fetched once per version, and kept while somebody refers to it."""

    def __init__(self, client: Client, caches: Caches, referrers: Referrers) -> None:
        self._client = client
        self._caches = caches
        self._referrers = referrers
        self._content: dict[ObjectRef, ReferencedData] = {}

    async def look(
        self,
        desired: model_deployment.ModelDeployment,
        asked: tuple[Reference, ...],
        apply_error: ApplyError | None,
    ) -> Observed:
        """What is seen now of one object's children and of all it refers to."""
        self._note(desired.key, asked)
        seen = {reference: await self._reference(desired.key.namespace, reference) for reference in asked}
        key, of = desired.key, self._caches.of
        return Observed(
            children={kind.kind: of(kind, key) for kind in self._caches.kinds},
            references=seen,
            decisions_trusted=self._caches.policy_in_force(DECISION_POLICY),
            apply_error=apply_error,
        )

    def decisions(self, key: Key) -> tuple[Body, ...]:
        """The RolloutDecisions about one object, whether it is there or not."""
        return self._caches.of(kinds.ROLLOUT_DECISION, key)

    def forget(self, key: Key) -> None:
        """A deleted object refers to nothing: what only it referred to is forgotten."""
        self._note(key, ())

    def _note(self, key: Key, asked: Iterable[Reference]) -> None:
        for gone in self._referrers.note(key, asked):
            self._content.pop(gone, None)

    async def _reference(self, namespace: str, reference: Reference) -> ReferencedData:
        place = _place(namespace, reference)
        known = self._caches.reference(*place)
        if known is None:
            self._content.pop(place, None)
            return _ABSENT
        content = self._content.get(place)
        if content is None or content.version != objects.version_of(known):
            content = await self._fetched(namespace, reference)
            self._content[place] = content
        return content

    async def _fetched(self, namespace: str, reference: Reference) -> ReferencedData:
        try:
            return _seen(await self._client.get(_KIND[reference.holder], namespace, reference.name))
        except failures.NotFound:
            return _ABSENT


def _seen(body: Body) -> ReferencedData:
    data, binary = body.get("data") or {}, body.get("binaryData") or {}
    secret = body.get("kind") == kinds.SECRET.kind
    return ReferencedData(
        present=True,
        digest=revision.digest_of({**data, **{f"binary:{name}": value for name, value in binary.items()}}),
        version=objects.version_of(body),
        data={} if secret else data,
        binary_data={} if secret else binary,
    )
