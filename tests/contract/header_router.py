"""A second router, installed by tests alone: an HTTPRoute of the Gateway API sends each revision its share.

Requests with the configured header always reach the canary while there is one. The router is what a third party
would write: it brings its own kind and its own configuration, and nothing of the operator knows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field

from seatrial.api import base, kinds, names
from seatrial.api.objects import Body
from seatrial.api.owner import Owner
from seatrial.core.traffic import Ready, Split
from seatrial.manifests import metadata

NAME: Final = "header"
HTTP_ROUTE: Final = kinds.Kind("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute")
PORT: Final = 80


class HeaderTraffic(base.SpecModel):
    """The configuration of the router."""

    gateway: Annotated[str, Field(min_length=1)]
    """The Gateway that the route is attached to."""

    header: str = "x-canary"
    """Requests with this header reach the canary."""


class HeaderRouter:
    """HTTPRoute `<name>` divides requests between one Service a revision."""

    kinds: ClassVar[tuple[kinds.Kind, ...]] = (HTTP_ROUTE, kinds.SERVICE)
    config: ClassVar[type[HeaderTraffic]] = HeaderTraffic

    def __init__(self, config: HeaderTraffic) -> None:
        self._config = config

    def render(self, owner: Owner, split: Split) -> tuple[Body, ...]:
        """Return the Service of each revision, then the route to them."""
        revisions = (split.stable, split.canary) if split.canary else (split.stable,)
        return (*(_service(owner, revision) for revision in revisions), self._route(owner, split))

    def _route(self, owner: Owner, split: Split) -> Body:
        shares = {split.stable: 100 - split.weight}
        by_header: list[Body] = []
        if split.canary:
            shares[split.canary] = split.weight
            match = {"headers": [{"name": self._config.header, "value": "true"}]}
            by_header = [{"matches": [match], "backendRefs": _backends(owner, {split.canary: 1})}]
        return metadata.child(
            owner,
            api_version=HTTP_ROUTE.api_version,
            kind=HTTP_ROUTE.kind,
            name=owner.name,
            extra_labels={names.LABEL_STABLE: split.stable},
            spec={
                "parentRefs": [{"name": self._config.gateway}],
                "rules": [*by_header, {"backendRefs": _backends(owner, shares)}],
            },
        )

    def read(self, children: tuple[Body, ...]) -> Split | None:
        """Return the split of the route: its last rule names stable first, then the canary."""
        route = next((child for child in children if child["kind"] == HTTP_ROUTE.kind), None)
        if route is None:
            return None
        backends = route["spec"]["rules"][-1]["backendRefs"]
        revisions = [backend["name"].rpartition("-")[2] for backend in backends]
        if len(revisions) == 1:
            return Split(stable=revisions[0])
        return Split(stable=revisions[0], canary=revisions[1], weight=backends[1]["weight"])

    def canary_replicas(self, weight: int, *, stable: int) -> int:
        """Return the replicas that serve `weight` percent of what `stable` replicas serve, rounded up."""
        return -(-stable * weight // 100)

    def waits_for_replicas(self, weight: int, *, stable: int) -> bool:
        """Return False: the route has every weight with any number of replicas."""
        return False

    def actual_weight(self, split: Split, ready: Ready) -> int:
        """Return the weight: the gateway divides requests, not the number of pods."""
        return split.weight if ready.canary else 0


def _service(owner: Owner, revision: str) -> Body:
    return metadata.child(
        owner,
        api_version="v1",
        kind=kinds.SERVICE.kind,
        name=owner.child(revision),
        revision=revision,
        spec={
            "selector": metadata.selector(owner, revision),
            "ports": [{"name": "http", "port": PORT, "targetPort": "http", "protocol": "TCP"}],
        },
    )


def _backends(owner: Owner, shares: Mapping[str, int]) -> list[dict[str, Any]]:
    return [
        {"name": owner.child(revision), "port": PORT, "weight": weight} for revision, weight in shares.items()
    ]
