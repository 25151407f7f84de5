"""The one way in which this program repeats what failed: jittered exponential back-off, bounded in attempts and time.

    policy.call(operation, transient=transient)

`operation` is called until it returns. `transient` decides which errors are worth another attempt: it returns a
`TransientError` for those, and None for the others, which pass through. A server's Retry-After replaces the pause.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
log = logging.getLogger("seatrial.retry")


class TransientError(Exception):
    """An attempt failed, and another one may succeed. `failure` is raised when there is no other one."""

    def __init__(self, failure: Exception, *, retry_after: float | None = None) -> None:
        """Wait for `retry_after` seconds before the next attempt; None leaves the pause to the policy."""
        super().__init__(str(failure))
        self.failure = failure
        self.retry_after = retry_after


def raised_as_transient(error: Exception) -> TransientError | None:
    """Return the error when it is a `TransientError`: the operation decides by itself what is worth repeating."""
    return error if isinstance(error, TransientError) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often an operation is repeated, and how long the pauses are, in seconds."""

    attempts: int = 6
    first_pause: float = 0.25
    """Pauses double from here, each with a random half taken off."""
    longest_pause: float = 10.0
    longest_retry_after: float = 30.0
    """A server that asks for a longer pause ends the attempts."""
    longest_wait: float = 150.0
    """The sum of all pauses. The attempts themselves are not counted: a download may take hours."""
    sleep: Callable[[float], None] = time.sleep

    def call(
        self,
        operation: Callable[[], T],
        *,
        transient: Callable[[Exception], TransientError | None] = raised_as_transient,
    ) -> T:
        """Return what `operation` returns; raise the failure of its last attempt."""
        attempt, waited = 1, 0.0
        while True:
            try:
                return operation()
            except Exception as error:
                if (found := transient(error)) is None:
                    raise
                pause = self.pause_after(attempt, retry_after=found.retry_after)
                if pause is None or waited + pause > self.longest_wait:
                    raise found.failure from error
                log.info("%s Attempt %d of %d follows in %.1f s.", found, attempt + 1, self.attempts, pause)
            self.sleep(pause)
            attempt, waited = attempt + 1, waited + pause

    def pause_after(self, attempt: int, *, retry_after: float | None = None) -> float | None:
        """Return the pause between this attempt and the next one; None when this was the last one."""
        if attempt >= self.attempts:
            return None
        if retry_after is not None:
            return retry_after if retry_after <= self.longest_retry_after else None
        pause = min(self.longest_pause, self.first_pause * 2.0 ** (attempt - 1))
        return pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError("attempts must be at least 1")


ONCE = RetryPolicy(attempts=1)


def retry_after_seconds(header: str | None) -> float | None:
    """Return the seconds of a Retry-After header (RFC 9110, 10.2.3); None when it is absent or a date."""
    text = (header or "").strip()
    return float(text) if text.isascii() and text.isdigit() else None
