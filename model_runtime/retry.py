"""How often and how long something that fails is tried again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

Sleep = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Patience:
    """Pauses that double, with jitter, up to a longest one and a number of attempts."""

    attempts: int = 6
    first: float = 0.25
    longest: float = 10.0
    most_asked: float = 30.0
    """What a server may ask for in Retry-After; more ends the attempts."""
    sleep: Sleep = time.sleep

    def pause(self, attempt: int, *, asked: float | None = None) -> bool:
        """After the wait before the next attempt: True; False when this was the last one."""
        if attempt >= self.attempts or (asked is not None and asked > self.most_asked):
            return False
        doubled = min(self.longest, self.first * 2 ** (attempt - 1))
        self.sleep(doubled * random.uniform(0.5, 1.0) if asked is None else asked)  # noqa: S311 - jitter
        return True


def asked_pause(header: str | None) -> float | None:
    """The seconds of a Retry-After header; dates are not worth reading here."""
    text = (header or "").strip()
    return float(text) if text.isascii() and text.isdigit() else None
