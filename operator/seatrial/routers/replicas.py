"""The router that every cluster has: one Service, and a weight is a share of the ready pods behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from seatrial.api import kinds, names
from seatrial.api.objects import Body
from seatrial.api.owner import Owner
from seatrial.api.traffic import ReplicaTraffic, WhenTooFew
from seatrial.core.traffic import Ready, Split
from seatrial.manifests import metadata

CANARY: Final = f"{names.GROUP}/canary"
WEIGHT: Final = f"{names.GROUP}/weight"
CLIENT_PORT: Final = 80
LARGEST_WEIGHT: Final = 50
"""Above a half the canary would need more pods than stable has; such steps run as a half until promotion."""


@dataclass(frozen=True, slots=True)
class ReplicaRouter:
    """Service `<name>` selects stable alone, and all server pods while the canary receives traffic."""

    settings: ReplicaTraffic = field(default_factory=ReplicaTraffic)

    kinds: ClassVar[tuple[kinds.Kind, ...]] = (kinds.SERVICE,)
    config: ClassVar[type[ReplicaTraffic]] = ReplicaTraffic

    def render(self, owner: Owner, split: Split) -> tuple[Body, ...]:
        """Return the one Service; its label names stable, so that a lost status can be recovered from it."""
        selects_both = split.weight > 0
        annotations = {CANARY: split.canary, WEIGHT: str(split.weight)} if split.canary else {}
        service = metadata.child(
            owner,
            api_version="v1",
            kind="Service",
            name=owner.name,
            extra_labels={names.LABEL_STABLE: split.stable},
            annotations=annotations,
            spec={
                "selector": metadata.selector(owner, "" if selects_both else split.stable),
                "ports": [{"name": "http", "port": CLIENT_PORT, "targetPort": "http", "protocol": "TCP"}],
            },
        )
        return (service,)

    def read(self, children: tuple[Body, ...]) -> Split | None:
        """Return the split of the Service, if its selector is one that this router writes."""
        service = next((child for child in children if child.get("kind") == "Service"), None)
        if service is None:
            return None
        return _split_of(service["metadata"], service.get("spec") or {})

    def canary_replicas(self, weight: int, *, stable: int) -> int:
        """Return the replicas nearest from below, at least one; as many as stable from a half on."""
        if stable == 0:
            return 0
        if weight >= LARGEST_WEIGHT:
            return stable
        return max(1, stable * weight // (100 - weight))

    def waits_for_replicas(self, weight: int, *, stable: int) -> bool:
        """Return whether even one canary pod receives more than `weight`, and `whenTooFew` is Hold."""
        too_few = weight < LARGEST_WEIGHT and stable * weight < 100 - weight
        return too_few and self.settings.when_too_few is WhenTooFew.HOLD

    def actual_weight(self, split: Split, ready: Ready) -> int:
        """Return the canary's share of the ready pods while the Service selects both tracks."""
        if split.weight == 0 or ready.canary == 0:
            return 0
        return round(100 * ready.canary / (ready.canary + ready.stable))


def _split_of(head: dict[str, Any], spec: dict[str, Any]) -> Split | None:
    """Return only what `render` writes: any other selector was edited by hand."""
    stable = (head.get("labels") or {}).get(names.LABEL_STABLE, "")
    annotations = head.get("annotations") or {}
    both = {names.LABEL_SERVER: head.get("name", "")}
    selector = spec.get("selector") or {}
    if selector == {**both, names.LABEL_REVISION: stable}:
        return Split(stable=stable, canary=annotations.get(CANARY, ""))
    weight, canary = str(annotations.get(WEIGHT, "")), annotations.get(CANARY)
    if selector != both or not canary or not (weight.isascii() and weight.isdecimal()):
        return None
    return Split(stable=stable, canary=canary, weight=int(weight)) if 1 <= int(weight) <= 100 else None
