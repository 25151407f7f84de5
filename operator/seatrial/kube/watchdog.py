"""A second watch of the ModelDeployments, of their metadata alone: it notices what the first one misses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

from seatrial.api import kinds, objects
from seatrial.api.metadata import Key
from seatrial.api.objects import Body
from seatrial.kube import informers
from seatrial.kube.client import Client, Selection
from seatrial.kube.informers import Habits, Informer
from seatrial.kube.store import Known

GLANCE: Final = 0.05
"""Seconds between two looks at whether the first watch has caught up."""


class _Owed(NamedTuple):
    version: str
    since: float


class Witness:
    """Beside kopf's watch, which fills `known` and neither lists again nor says whether it still hears.

    A deletion that kopf missed is one nevertheless, and `on_key` hears of it. A version that kopf does not
    deliver is owed: `behind` says for how long. `clock` is monotonic seconds.
    """

    def __init__(
        self,
        client: Client,
        known: Known,
        on_key: Callable[[Key], None],
        *,
        clock: Callable[[], float],
        namespace: str = "",
    ) -> None:
        self._known = known
        self._on_key = on_key
        self._clock = clock
        self._owed: dict[Key, _Owed] = {}
        self.informer = Informer(
            client,
            kinds.MODEL_DEPLOYMENT,
            self._hear,
            habits=Habits(clock, trim=informers.version_alone),
            selection=Selection(namespace, metadata_only=True),
        )

    def behind(self) -> float:
        """Seconds for which the oldest version that was seen here has not been delivered there; 0 without any."""
        self._settle()
        return max((self._clock() - owed.since for owed in self._owed.values()), default=0.0)

    async def caught_up(self) -> None:
        """Every ModelDeployment of the first list is known."""
        await self.informer.synced.wait()
        self._settle()
        while self._owed:
            await asyncio.sleep(GLANCE)
            self._settle()

    def _hear(self, event: str, body: Body) -> None:
        key = Key(*objects.key_of(body))
        if event == "DELETED":
            self._owed.pop(key, None)
            self._known.drop(body)
            self._on_key(key)
        elif key not in self._owed or self._is_delivered(key):
            self._owed[key] = _Owed(objects.version_of(body), self._clock())

    def _settle(self) -> None:
        for key in [key for key in self._owed if self._is_delivered(key)]:
            del self._owed[key]

    def _is_delivered(self, key: Key) -> bool:
        known, owed = self._known.get(key), self._owed[key]
        return known is not None and not objects.is_newer(owed.version, objects.version_of(known))
