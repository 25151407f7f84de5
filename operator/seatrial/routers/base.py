"""The registry of routers: each is found by its name, and made from its own configuration."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata as distributions
from typing import Any, Protocol

from seatrial.api import base, traffic, validation
from seatrial.api.kinds import Kind
from seatrial.core.traffic import Router

GROUP = "seatrial.routers"


class RouterPlugin(Protocol):
    """The class of a router, as it is registered under the entry point group `seatrial.routers`.

    It declares the kinds that it writes and reads, and the model of its configuration; watches, caches, pruning,
    the simulation and the chart's RBAC follow from them.
    """

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Return the kinds that the router writes and reads."""
        ...

    @property
    def config(self) -> type[base.SpecModel]:
        """Return the model of the router's configuration."""
        ...

    def __call__(self, config: Any, /) -> Router:
        """Return the router with this configuration, a value of the `config` model."""
        ...


Plugins = Mapping[str, "RouterPlugin"]


class UnknownRouter(validation.InvalidSpec):
    """No router has the name; the text lists the known ones."""


def routers() -> Plugins:
    """Return every installed router by name."""
    return {entry.name: entry.load() for entry in distributions.entry_points(group=GROUP)}


def kinds_of(known: Plugins) -> tuple[Kind, ...]:
    """Return every kind that a router writes or reads, each once."""
    return tuple(dict.fromkeys(kind for name in sorted(known) for kind in known[name].kinds))


def kind_names(known: Plugins) -> frozenset[str]:
    """Return the names of the kinds that any router writes or reads."""
    return frozenset(kind.kind for kind in kinds_of(known))


def configured(wanted: traffic.Traffic, known: Plugins) -> Router:
    """Return the router that `spec.traffic` asks for.

    `UnknownRouter` when there is none of its name; `InvalidSpec` when its configuration is invalid.
    """
    name = wanted.router
    if name not in known:
        raise UnknownRouter(
            f"spec.traffic.plugin.name: unknown router {name!r}; known: {', '.join(sorted(known))}"
        )
    plugin = known[name]
    path = "spec.traffic.plugin.config" if wanted.plugin else f"spec.traffic.{name}"
    return plugin(validation.validate(plugin.config, dict(wanted.config), at=path))
