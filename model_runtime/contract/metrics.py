"""The metrics of a model server that judge a canary: what the server counts and the operator reads.

seatrial_requests_total{outcome, traffic}                    every prediction that was asked for
seatrial_request_duration_seconds_bucket{traffic, le}        from the arrival of the body to the response
process_start_time_seconds                                   tells a restarted process from the one before
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

REQUESTS: Final = "seatrial_requests_total"
DURATION: Final = "seatrial_request_duration_seconds"
PROCESS_START: Final = "process_start_time_seconds"
OUTCOME_LABEL: Final = "outcome"
TRAFFIC_LABEL: Final = "traffic"
TRAFFIC_HEADER: Final = "x-seatrial-traffic"
"""The request header that names a kind of traffic; a request without it, or with another value, is a user's."""

LATENCY_BOUNDS: Final = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075),
    *(0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75),
    *(1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0),
)
"""Upper bounds of the buckets of `DURATION`, in seconds: only these latencies can be judged exactly."""


class Outcome(StrEnum):
    """How a prediction ended."""

    OK = "ok"
    CLIENT_ERROR = "client_error"
    """The request was invalid, too large or too slow to arrive: 4xx but 429."""
    REJECTED = "rejected"
    """The limit of predictions at the same time was reached: 429."""
    MODEL_ERROR = "model_error"
    """The model failed on a valid input: 500."""
    SERVER_ERROR = "server_error"
    """The server failed, or was not ready."""
    TIMEOUT = "timeout"
    """The model did not answer in time: 504."""


class Traffic(StrEnum):
    """Who asked; only requests of users are evidence for or against a canary."""

    USER = "user"
    SHADOW = "shadow"
    SMOKE = "smoke"
    EVALUATION = "evaluation"
