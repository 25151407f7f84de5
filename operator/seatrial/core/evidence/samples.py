"""What one pod's metrics said at one time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from model_runtime.contract.metrics import LATENCY_BOUNDS, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSample:
    """The counters of one process that serves a model; only requests of users."""

    pod: str
    """The uid of the pod."""
    revision: str
    started: float
    """When the process started, in seconds since the epoch: a restarted process counts from zero."""
    at: datetime
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    within: tuple[int, ...] = (0,) * len(LATENCY_BOUNDS)
    """For each of `LATENCY_BOUNDS` the requests that took at most so long."""
    answered: int = 0
    """All requests whose latency was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """The newest samples of one object's pods, and of which pods there are none."""

    pods: tuple[PodSample, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)
    """By revision, why a pod's metrics could not be read."""


NO_SAMPLES: Final = Samples()
