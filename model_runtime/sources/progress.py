"""Log lines about a running fetch: at most one every two seconds."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

log = logging.getLogger("seatrial.build")
INTERVAL: Final = 2.0


@dataclass(slots=True)
class Progress:
    """Counts bytes and logs the count."""

    total: int | None
    clock: Callable[[], float] = time.monotonic
    done: int = 0
    _logged_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._logged_at = self.clock()

    def add(self, size: int) -> None:
        """Count more bytes, and log the count when the last line is two seconds old."""
        self.done += size
        if self.clock() - self._logged_at >= INTERVAL:
            self._logged_at = self.clock()
            log.info("%s", self.line())

    def line(self) -> str:
        """Return `fetched 12.3 MiB of 40.1 MiB, 31 %`."""
        done = f"fetched {self.done / 2**20:.1f} MiB"
        if not self.total:
            return done
        return f"{done} of {self.total / 2**20:.1f} MiB, {min(100, 100 * self.done // self.total)} %"
