"""Simulated requests: plenty, and all answered well, so that a plan shows what happens when nothing goes wrong."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from model_runtime.contract.metrics import LATENCY_BOUNDS, Outcome
from seatrial.api import names
from seatrial.api.objects import Body, label_of, uid_of
from seatrial.core.evidence.samples import PodSample, Samples
from seatrial.observation.observed import Measurement
from seatrial.observation.pod_diagnosis import is_ready

REQUESTS_PER_SECOND: Final = 100
"""Of every pod: enough for the checks of any step to be decided when its hold ends."""


def samples(pods: tuple[Body, ...], measurement: Measurement, now: datetime) -> Samples:
    """Return what the metrics of the ready pods of the measured revisions say at `now`."""
    count = int(now.timestamp()) * REQUESTS_PER_SECOND
    return Samples(
        pods=tuple(
            PodSample(
                pod=uid_of(pod) or pod["metadata"]["name"],
                revision=label_of(pod, names.LABEL_REVISION),
                started=0.0,
                at=now,
                outcomes={Outcome.OK: count},
                within=(count,) * len(LATENCY_BOUNDS),
                answered=count,
            )
            for pod in pods
            if is_ready(pod) and label_of(pod, names.LABEL_REVISION) in measurement.revisions
        )
    )
