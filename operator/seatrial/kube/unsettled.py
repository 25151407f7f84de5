"""Writes whose outcome is unknown: the server may have carried them out, or may still do it."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

SETTLE_SECONDS: Final = 1.0
"""Seconds before another try: a server that is down ends what it was doing, and a watch reports what it has done."""
REMEMBERED_SECONDS: Final = 600.0
"""Seconds after which the object is created without a look: nobody has wanted to repeat the write for so long."""


class UnsettledWrites:
    """The objects whose last write has no known outcome, by path; `now` is in monotonic seconds."""

    def __init__(self) -> None:
        self._since: OrderedDict[str, float] = OrderedDict()

    def add(self, path: str, now: float) -> None:
        """Note that the outcome of a write to `path` became unknown at `now`."""
        self._since.pop(path, None)
        self._since[path] = now
        while now - next(iter(self._since.values())) > REMEMBERED_SECONDS:
            self._since.popitem(last=False)

    def settle(self, path: str) -> None:
        """Note that the outcome is known."""
        self._since.pop(path, None)

    def seconds_left(self, path: str, now: float) -> float:
        """Return for how long nothing may be written to `path`; 0 or less when it may."""
        since = self._since.get(path)
        return 0.0 if since is None else since + SETTLE_SECONDS - now

    def __contains__(self, path: str) -> bool:
        return path in self._since
