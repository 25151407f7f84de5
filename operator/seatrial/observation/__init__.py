"""Observation: from what the shell saw to state, target and snapshot. Pure.

Observed ─► recovered(state) ─► target_of ─► snapshot_of
"""

from __future__ import annotations

from typing import NamedTuple

from seatrial.api import model_deployment
from seatrial.core.snapshot import Snapshot
from seatrial.core.state import RolloutState
from seatrial.core.stored import state_of
from seatrial.core.target import Target
from seatrial.observation.observed import Observed, Platform
from seatrial.observation.recovery import recovered
from seatrial.observation.snapshot import snapshot_of
from seatrial.observation.target import target_of


class View(NamedTuple):
    """What the decision of one pass looks at."""

    state: RolloutState
    target: Target
    snapshot: Snapshot


def view(deployment: model_deployment.ModelDeployment, observed: Observed, platform: Platform) -> View:
    """Return state, target and snapshot of one object."""
    owned = observed.without_foreign(deployment.uid)
    state = recovered(state_of(deployment.status), deployment, owned)
    return View(
        state=state,
        target=target_of(deployment, owned, platform, state),
        snapshot=snapshot_of(deployment, owned, platform),
    )
