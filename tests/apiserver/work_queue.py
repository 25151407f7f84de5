"""The work queue of a fake controller: several changes of one object cause one reconcile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from seatrial.api.objects import ObjectKey


class WorkQueue:
    """Calls `reconcile` for every added key, `seconds` later, once however often it was added meanwhile."""

    def __init__(self, reconcile: Callable[[ObjectKey], None], *, seconds: float = 0.0) -> None:
        self._reconcile = reconcile
        self._seconds = seconds
        self._waiting: set[ObjectKey] = set()

    def add(self, key: ObjectKey) -> None:
        """Reconcile `key` later."""
        if key not in self._waiting:
            self._waiting.add(key)
            asyncio.get_running_loop().call_later(self._seconds, self._process, key)

    def _process(self, key: ObjectKey) -> None:
        self._waiting.discard(key)
        self._reconcile(key)
