"""Scenes put together from what is remembered and what is seen."""

from __future__ import annotations

from typing import Any

from seatrial.children import Scene
from seatrial.core.snapshot import Situation
from seatrial.core.state import Memory
from seatrial.observation.observed import Observed, Setback
from tests.builders import PARTS, desired


def scene(memory: Memory, at: Situation, *, setback: Setback | None = None, **changes: Any) -> Scene:
    """The scene of an object that wants three pods."""
    known = {"scaling": {"replicas": 3}, **changes.pop("spec", {})}
    return Scene(
        desired=desired(**known),
        observed=Observed(setback=setback),
        parts=PARTS,
        memory=memory,
        at=at,
        fingerprint="f" * 64,
        **changes,
    )
