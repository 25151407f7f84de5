"""Scenes put together from what is remembered and what is seen."""

from __future__ import annotations

from typing import Any

from seatrial.children import Scene
from seatrial.core.snapshot import Snapshot
from seatrial.core.state import RolloutState
from seatrial.observation.observed import ApplyError, Observed
from tests.builders import PARTS, desired


def scene(
    state: RolloutState, snapshot: Snapshot, *, apply_error: ApplyError | None = None, **changes: Any
) -> Scene:
    """The scene of an object that wants three pods."""
    known = {"scaling": {"replicas": 3}, **changes.pop("spec", {})}
    return Scene(
        desired=desired(**known),
        observed=Observed(apply_error=apply_error),
        parts=PARTS,
        state=state,
        snapshot=snapshot,
        fingerprint="f" * 64,
        **changes,
    )
