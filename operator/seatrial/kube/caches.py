"""The informers of everything that belongs to ModelDeployments, and the objects in them by owner."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from seatrial.api import kinds, names, objects
from seatrial.api.kinds import Kind
from seatrial.api.metadata import Key
from seatrial.api.objects import Body
from seatrial.kube.client import Client, Selection
from seatrial.kube.informers import Informer, InformerConfig, version_only
from seatrial.kube.store import IndexBy, Trim

DENY: Final = "Deny"
"""The validationAction of a ValidatingAdmissionPolicyBinding that rejects what violates the policy."""
POD_STATUS_FIELDS: Final = ("phase", "reason", "message", "conditions", "containerStatuses", "podIP")


def owner_of(body: Body) -> Hashable | None:
    """Return namespace and name of the ModelDeployment that the label of a child names, or None."""
    name = objects.labels_of(body).get(names.LABEL_DEPLOYMENT)
    return (objects.key_of(body).namespace, name) if name else None


def without_data(body: Body) -> Body:
    """Return a ConfigMap without its data: copies are immutable, so only their presence matters."""
    trimmed = objects.without_managed_fields(body)
    return {name: value for name, value in trimmed.items() if name not in {"data", "binaryData"}}


def pod_status_only(body: Body) -> Body:
    """Return the metadata of a pod and the fields of its status that the diagnosis reads."""
    metadata = objects.without_managed_fields(body)["metadata"]
    status = body.get("status") or {}
    return {
        "metadata": metadata,
        "status": {field: status[field] for field in POD_STATUS_FIELDS if field in status},
    }


@dataclass(frozen=True, slots=True)
class ChildKind:
    """A kind of objects that belong to a ModelDeployment: which of them are watched and what is kept of each."""

    kind: Kind
    labels: str = f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"
    """The label selector of the watch."""
    trim: Trim = objects.without_managed_fields
    owner_of: IndexBy = owner_of
    """Returns namespace and name of the owner, or None."""


CHILD_KINDS: Final = (
    ChildKind(kinds.DEPLOYMENT),
    ChildKind(kinds.SERVICE),
    ChildKind(kinds.HPA),
    ChildKind(kinds.PDB),
    ChildKind(kinds.JOB),
    ChildKind(kinds.CONFIG_MAP, trim=without_data),
    ChildKind(kinds.CONTROLLER_REVISION),
    ChildKind(kinds.POD, labels=names.LABEL_DEPLOYMENT, trim=pod_status_only),
)
"""The kinds that every ModelDeployment may have, whatever its router is."""


def with_router_kinds(router_kinds: Iterable[Kind]) -> tuple[ChildKind, ...]:
    """Return the kinds of children, with those that the installed routers bring."""
    known = {child.kind for child in CHILD_KINDS}
    return (*CHILD_KINDS, *(ChildKind(kind) for kind in router_kinds if kind not in known))


class Caches:
    """Copies of what belongs to the ModelDeployments of one namespace or of all: children, decisions, references.

    `on_key` receives the key of the ModelDeployment whose children or decisions changed, `on_reference` the kind,
    namespace and name of a ConfigMap or Secret that changed. A router that brings kinds of its own adds them to
    `child_kinds`.
    """

    def __init__(
        self,
        client: Client,
        on_key: Callable[[Key], None],
        on_reference: Callable[[str, str, str], None],
        *,
        clock: Callable[[], float],
        namespace: str = "",
        child_kinds: Iterable[ChildKind] = CHILD_KINDS,
    ) -> None:
        self._client = client
        self._on_key = on_key
        self._on_reference = on_reference
        self._clock = clock
        self._namespace = namespace
        self._children = {child.kind: self._owned(child) for child in child_kinds}
        self._decisions = self._owned(
            ChildKind(kinds.ROLLOUT_DECISION, labels="", owner_of=_deployment_of_decision)
        )
        self._references = {kind.kind: self._referenced(kind) for kind in (kinds.CONFIG_MAP, kinds.SECRET)}
        self._policies = Informer(
            client,
            kinds.VALIDATING_ADMISSION_POLICY_BINDING,
            lambda _event, _body: None,
            config=InformerConfig(clock),
        )

    @property
    def informers(self) -> tuple[Informer, ...]:
        """Every informer; the caller runs them."""
        return (*self._children.values(), self._decisions, *self._references.values(), self._policies)

    def of(self, kind: Kind, key: Key) -> tuple[Body, ...]:
        """Return the children of one kind of one ModelDeployment, sorted by name."""
        return tuple(self._children[kind].indexed((key.namespace, key.name)))

    def children_of(self, key: Key) -> Mapping[str, tuple[Body, ...]]:
        """Return the children of one ModelDeployment by name of their kind, each kind sorted by name."""
        return {kind.kind: self.of(kind, key) for kind in self._children}

    def decisions_of(self, key: Key) -> tuple[Body, ...]:
        """Return the RolloutDecisions about one ModelDeployment, whether it exists or not, sorted by name."""
        return tuple(self._decisions.indexed((key.namespace, key.name)))

    def decision(self, namespace: str, name: str) -> Body | None:
        """Return a RolloutDecision, or None."""
        return self._decisions.get(namespace, name)

    def reference(self, kind: str, namespace: str, name: str) -> Body | None:
        """Return identity and version of a ConfigMap or Secret, or None."""
        return self._references[kind].get(namespace, name)

    def policy_in_force(self, name: str) -> bool:
        """Return whether a ValidatingAdmissionPolicyBinding of this name exists and rejects violations."""
        binding = self._policies.get("", name) or {}
        return DENY in ((binding.get("spec") or {}).get("validationActions") or ())

    def kind_of(self, body: Body) -> Kind:
        """Return the kind of a body; `LookupError` unless it is a child kind or one of `kinds.KNOWN`."""
        api_version, name = body.get("apiVersion"), body.get("kind")
        children = (kind for kind in self._children if (kind.api_version, kind.kind) == (api_version, name))
        return next(children, None) or kinds.kind_of(body)

    def observe(self, body: Body) -> None:
        """Put the answer to an own write into its cache."""
        informer = self._written(self.kind_of(body))
        if informer is not None:
            informer.observe_write(body)

    def observe_delete(self, kind: Kind, namespace: str, name: str, *, uid: str) -> None:
        """Remove an object that this process deleted from its cache."""
        informer = self._written(kind)
        if informer is not None:
            informer.observe_delete(namespace, name, uid=uid)

    def _written(self, kind: Kind) -> Informer | None:
        return self._decisions if kind == kinds.ROLLOUT_DECISION else self._children.get(kind)

    def _owned(self, child: ChildKind) -> Informer:
        def on_event(_event: str, body: Body) -> None:
            owner = child.owner_of(body)
            if isinstance(owner, tuple):
                self._on_key(Key(*owner))

        return Informer(
            self._client,
            child.kind,
            on_event,
            config=InformerConfig(self._clock, trim=child.trim, index_by=child.owner_of),
            selection=Selection(self._namespace, child.labels),
        )

    def _referenced(self, kind: Kind) -> Informer:
        def on_event(_event: str, body: Body) -> None:
            self._on_reference(kind.kind, *objects.key_of(body))

        return Informer(
            self._client,
            kind,
            on_event,
            config=InformerConfig(self._clock, trim=version_only),
            selection=Selection(self._namespace, metadata_only=True),
        )


def _deployment_of_decision(body: Body) -> Hashable | None:
    name = (body.get("spec") or {}).get("deployment")
    return (objects.key_of(body).namespace, name) if name else None
