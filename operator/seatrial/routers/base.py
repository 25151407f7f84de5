"""The contract of a router, and the registry that finds it by name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata as distributions
from typing import Protocol

from seatrial.api.objects import Body
from seatrial.core.traffic import Ready, Split
from seatrial.manifests.metadata import Owner

GROUP = "seatrial.routers"


class Router(Protocol):
    """Renders and reads; `read(render(owner, split)) == split` for every split it can render."""

    def render(self, owner: Owner, split: Split) -> tuple[Body, ...]:
        """The documents that make the split true."""
        ...

    def read(self, documents: tuple[Body, ...]) -> Split | None:
        """The split that documents of the cluster stand for; None when there is none or it was edited by hand."""
        ...

    def canary_pods(self, weight: int, *, stable: int) -> int:
        """The pods the canary needs for `weight` beside `stable` pods."""
        ...

    def too_few(self, weight: int, *, stable: int) -> bool:
        """So few stable pods cannot come near so small a weight."""
        ...

    def actual(self, split: Split, ready: Ready) -> int:
        """The share of new connections that the canary really gets, in whole percent."""
        ...


class UnknownRouter(LookupError):
    """The name is nobody's; the text lists the known ones."""


def routers() -> Mapping[str, type[Router]]:
    """Every installed router by name."""
    return {entry.name: entry.load() for entry in distributions.entry_points(group=GROUP)}


def chosen(name: str, known: Mapping[str, type[Router]]) -> Router:
    """The router of this name; `UnknownRouter` when there is none."""
    if name not in known:
        raise UnknownRouter(f"unknown router {name!r}; known: {', '.join(sorted(known))}")
    return known[name]()
