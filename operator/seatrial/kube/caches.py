"""The informers of everything that belongs to ModelDeployments, and one way to ask them by owner."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final

from seatrial.api import kinds, names, objects
from seatrial.api.kinds import Kind
from seatrial.api.metadata import Key
from seatrial.api.objects import Body
from seatrial.kube import informers
from seatrial.kube.client import Client, Selection
from seatrial.kube.informers import Habits, Informer

CHILDREN: Final = (
    kinds.DEPLOYMENT,
    kinds.SERVICE,
    kinds.HPA,
    kinds.PDB,
    kinds.JOB,
    kinds.CONFIG_MAP,
    kinds.CONTROLLER_REVISION,
)
DENY: Final = "Deny"
"""Of a binding of an admission policy: what breaks the policy is refused, not only noted."""
POD_PARTS: Final = ("phase", "reason", "message", "conditions", "containerStatuses")


class Caches:
    """A copy of the children of all objects of a namespace (or of all), of decisions and of references.

    `on_key` hears the key of the ModelDeployment whose children changed, `on_reference` the kind, namespace and
    name of a ConfigMap or Secret that did.
    """

    def __init__(
        self,
        client: Client,
        on_key: Callable[[Key], None],
        on_reference: Callable[[str, str, str], None],
        *,
        clock: Callable[[], float],
        namespace: str = "",
    ) -> None:
        self._on_key = on_key
        self._on_reference = on_reference
        self._informers: dict[Kind, Informer] = {}
        self._references: dict[str, Informer] = {}
        ours = f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"
        for kind in CHILDREN:
            trim = without_data if kind is kinds.CONFIG_MAP else objects.without_managed_fields
            self._add(client, kind, Habits(clock, trim=trim, index_by=_owner_of), Selection(namespace, ours))
        self._add(
            client,
            kinds.POD,
            Habits(clock, trim=_what_matters_of_a_pod, index_by=_owner_of),
            Selection(namespace, names.LABEL_DEPLOYMENT),
        )
        self._add(
            client,
            kinds.ROLLOUT_DECISION,
            Habits(clock, trim=objects.without_managed_fields, index_by=_decided),
            Selection(namespace),
        )
        for kind in (kinds.CONFIG_MAP, kinds.SECRET):
            self._references[kind.kind] = Informer(
                client,
                kind,
                self._hear_reference(kind.kind),
                habits=Habits(clock, trim=informers.version_alone),
                selection=Selection(namespace, metadata_only=True),
            )
        self.policies = Informer(
            client,
            kinds.VALIDATING_ADMISSION_POLICY_BINDING,
            lambda _event, _body: None,
            habits=Habits(clock, trim=objects.without_managed_fields),
        )

    @property
    def informers(self) -> tuple[Informer, ...]:
        """Every informer there is; each has a `run` that never ends."""
        return (*self._informers.values(), *self._references.values(), self.policies)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Return the kinds that are cached by owner."""
        return tuple(self._informers)

    async def synced(self) -> None:
        """Every first list is in its store."""
        for informer in self.informers:
            await informer.synced.wait()

    def of(self, kind: Kind, key: Key) -> tuple[Body, ...]:
        """The children of one object, in order of name."""
        return tuple(self._informers[kind].indexed((key.namespace, key.name)))

    def reference(self, kind: str, namespace: str, name: str) -> Body | None:
        """The metadata of a ConfigMap or Secret, or None while there is none."""
        return self._references[kind].get(namespace, name)

    def decision(self, namespace: str, name: str) -> Body | None:
        """A RolloutDecision, or None while there is none."""
        return self._informers[kinds.ROLLOUT_DECISION].get(namespace, name)

    def policy_in_force(self, name: str) -> bool:
        """A ValidatingAdmissionPolicyBinding of this name is in the cluster, and refuses what breaks its policy."""
        binding = self.policies.get("", name) or {}
        return DENY in ((binding.get("spec") or {}).get("validationActions") or ())

    def observe(self, body: Body) -> None:
        """What an own write answered is known at once."""
        informer = self._informers.get(kinds.kind_of(body))
        if informer is not None:
            informer.observe_write(body)

    def observe_delete(self, kind: Kind, namespace: str, name: str, *, uid: str) -> None:
        """What an own hand deleted is gone at once."""
        if kind in self._informers:
            self._informers[kind].observe_delete(namespace, name, uid=uid)

    def _add(self, client: Client, kind: Kind, habits: Habits, selection: Selection) -> None:
        def hear(_event: str, body: Body) -> None:
            found = habits.index_by(body)
            if isinstance(found, tuple):
                self._on_key(Key(*found))

        self._informers[kind] = Informer(client, kind, hear, habits=habits, selection=selection)

    def _hear_reference(self, kind: str) -> Callable[[str, Body], None]:
        def hear(_event: str, body: Body) -> None:
            namespace, name = objects.key_of(body)
            self._on_reference(kind, namespace, name)

        return hear


def _owner_of(body: Body) -> Hashable | None:
    name = objects.labels_of(body).get(names.LABEL_DEPLOYMENT)
    return (objects.key_of(body).namespace, name) if name else None


def _decided(body: Body) -> Hashable | None:
    name = (body.get("spec") or {}).get("deployment")
    return (objects.key_of(body).namespace, name) if name else None


def without_data(body: Body) -> Body:
    """A copy is immutable: that it is there is all there is to know."""
    kept = objects.without_managed_fields(body)
    return {name: value for name, value in kept.items() if name not in {"data", "binaryData"}}


def _what_matters_of_a_pod(body: Body) -> Body:
    head = objects.without_managed_fields(body)["metadata"]
    status = body.get("status") or {}
    return {"metadata": head, "status": {part: status[part] for part in POD_PARTS if part in status}}
