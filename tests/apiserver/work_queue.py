"""How a fake controller comes to work: it is poked by changes and looks at each object once per turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from seatrial.api.objects import ObjectKey


class Reactor:
    """Calls `look` for every poked key, `seconds` later, once however often it was poked meanwhile."""

    def __init__(self, look: Callable[[ObjectKey], None], *, seconds: float = 0.0) -> None:
        self._look = look
        self._seconds = seconds
        self._poked: set[ObjectKey] = set()

    def poke(self, key: ObjectKey) -> None:
        """`key` will be looked at."""
        if key not in self._poked:
            self._poked.add(key)
            asyncio.get_running_loop().call_later(self._seconds, self._answer, key)

    def _answer(self, key: ObjectKey) -> None:
        self._poked.discard(key)
        self._look(key)
