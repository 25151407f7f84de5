"""Chains: the order in which a plan is carried out, and what a failure stops.

Chains go out at the same time, except for what `needs` and `after` say. Each says by itself what it waits for, so that
a child that cannot be written holds up only what would do harm without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from seatrial.children.actions import Action
from seatrial.core.snapshot import Harm


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Actions that are carried out one after the other; the first that fails ends the chain."""

    name: str
    """Several chains may share a name: then others wait for all of them."""
    actions: tuple[Action, ...]
    needs: frozenset[str] = frozenset()
    """Names of chains that have to be carried out first: where one fails, this chain is left to a later pass."""
    after: frozenset[str] = frozenset()
    """Names of chains that have to be over first, whether they failed or not."""
    harm: Harm = Harm.OTHER
    """What it means for users if the chain fails."""


def each(
    name: str, actions: Iterable[Action], *, needs: Iterable[str] = (), after: Iterable[str] = ()
) -> Iterator[Chain]:
    """Yield one chain for each action: they are independent of each other."""
    for action in actions:
        yield Chain(name=name, actions=(action,), needs=frozenset(needs), after=frozenset(after))


def actions_of(chains: Iterable[Chain]) -> tuple[Action, ...]:
    """Return all actions, in the order in which they are carried out where nothing runs at the same time."""
    return tuple(action for chain in chains for action in chain.actions)
