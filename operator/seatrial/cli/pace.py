"""How fast the simulated world is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long pods and builds take; load and everything else stand still."""

    ready_after: timedelta = timedelta(seconds=15)
    """From a pod's creation until it is ready."""
    build: timedelta = timedelta(seconds=60)
    """From a build Job's creation until its image is pushed."""
