"""The router that every cluster has: one Service, and a share is a share of the ready pods behind it."""

from __future__ import annotations

from typing import Any

from seatrial.api import names
from seatrial.api.objects import Body
from seatrial.core.traffic import Ready, Split
from seatrial.manifests import metadata
from seatrial.manifests.metadata import Owner

CANARY = f"{names.GROUP}/canary"
WEIGHT = f"{names.GROUP}/weight"
CLIENT_PORT = 80
LARGEST_WEIGHT = 50
"""Above a half the canary would need more pods than stable has; such steps run as a half until promotion."""


class ReplicaRouter:
    """Service `<name>` selects stable alone, and all server pods while the canary has users."""

    def render(self, owner: Owner, split: Split) -> tuple[Body, ...]:
        """The one Service; its label names stable, so that a lost status can be read from it."""
        wide = split.weight > 0
        annotations = {CANARY: split.canary, WEIGHT: str(split.weight)} if split.canary else {}
        service = metadata.child(
            owner,
            api_version="v1",
            kind="Service",
            name=owner.name,
            extra_labels={names.LABEL_STABLE: split.stable},
            annotations=annotations,
            spec={
                "selector": metadata.selector(owner, "" if wide else split.stable),
                "ports": [{"name": "http", "port": CLIENT_PORT, "targetPort": "http", "protocol": "TCP"}],
            },
        )
        return (service,)

    def read(self, documents: tuple[Body, ...]) -> Split | None:
        """The split of the Service, if its selector is one that this router writes."""
        service = next((d for d in documents if d.get("kind") == "Service"), None)
        if service is None:
            return None
        return _split_of(service["metadata"], service.get("spec") or {})

    def canary_pods(self, weight: int, *, stable: int) -> int:
        """As many as come nearest from below, at least one; as many as stable from a half on."""
        if stable == 0:
            return 0
        if weight >= LARGEST_WEIGHT:
            return stable
        return max(1, stable * weight // (100 - weight))

    def too_few(self, weight: int, *, stable: int) -> bool:
        """Even one canary pod gets more than the weight."""
        return weight < LARGEST_WEIGHT and stable * weight < 100 - weight

    def actual(self, split: Split, ready: Ready) -> int:
        """The canary's share of the ready pods while the Service selects both."""
        if split.weight == 0 or ready.canary == 0:
            return 0
        return round(100 * ready.canary / (ready.canary + ready.stable))


def _split_of(head: dict[str, Any], spec: dict[str, Any]) -> Split | None:
    """Only what `render` writes is understood: any other selector was made by hand."""
    stable = (head.get("labels") or {}).get(names.LABEL_STABLE, "")
    notes = head.get("annotations") or {}
    wide = {names.LABEL_SERVER: head.get("name", "")}
    selector = spec.get("selector") or {}
    if selector == {**wide, names.LABEL_REVISION: stable}:
        return Split(stable=stable, canary=notes.get(CANARY, ""))
    weight = str(notes.get(WEIGHT, ""))
    if (
        selector != wide
        or not notes.get(CANARY)
        or not (weight.isascii() and weight.isdecimal())
        or not 1 <= int(weight) <= 100
    ):
        return None
    return Split(stable=stable, canary=notes[CANARY], weight=int(weight))
