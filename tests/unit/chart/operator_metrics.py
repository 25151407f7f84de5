"""All metrics of the operator, as dashboard and alerts find them."""

from __future__ import annotations

import prometheus_client

from seatrial.telemetry import Telemetry


def telemetry_of(*, leader: float) -> Telemetry:
    """Return all metrics of the operator."""
    telemetry = Telemetry(prometheus_client.CollectorRegistry())
    telemetry.register_gauges(
        depth=lambda: 0.0, oldest=lambda: 0.0, leader=lambda: leader, ages={"Pod": [lambda: 1.0]}
    )
    return telemetry
