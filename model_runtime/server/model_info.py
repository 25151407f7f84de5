"""`seatrial_model_info`: which revision of which model a process serves.

Every other series of the process gets the revision by a join, without a relabelling of the scrape:
`rate(bentoml_service_request_total[5m]) * on (instance) group_left (revision) seatrial_model_info`.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import Gauge

_INFO: Final = Gauge(
    "seatrial_model_info", "1: the revision of the model that this serves", ("name", "revision")
)


def publish(name: str, revision: str) -> None:
    """Set the series of what is served now; there is one for each process."""
    _INFO.clear()
    _INFO.labels(name, revision).set(1)
