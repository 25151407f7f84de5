"""The versions of the Secrets that specs name.

A right to list or to watch Secrets is a right to read all of them, also for a client that asks for metadata only.
Therefore each Secret is requested by its name, and again from time to time: sooner while it does not exist, because
an object waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from seatrial.api import kinds, objects
from seatrial.api.objects import Body, ObjectKey
from seatrial.kube import failures
from seatrial.kube.client import Client
from seatrial.kube.informers import version_only

log = logging.getLogger(__name__)

ABSENT_SECONDS: Final = 5.0
"""Between two requests for a Secret that does not exist."""
ROUNDS: Final = 6
"""A Secret that exists is requested in one of so many rounds, so that requests are spread: every 30 seconds."""

_Version = tuple[str, str]


class SecretVersions:
    """Identity and version of each Secret that was asked for. `on_change` receives namespace and name."""

    def __init__(self, client: Client, on_change: Callable[[str, str], None]) -> None:
        self._client = client
        self._on_change = on_change
        self._known: dict[ObjectKey, Body | None] = {}
        self._round = 0

    async def get(self, namespace: str, name: str) -> Body | None:
        """Return identity and version of a Secret, or None; one that did not exist is requested again."""
        key = ObjectKey(namespace, name)
        if self._known.get(key) is None:
            self._known[key] = await self._request(key)
        return self._known[key]

    def forget(self, namespace: str, name: str) -> None:
        """Stop requesting a Secret that nobody refers to any more."""
        self._known.pop(ObjectKey(namespace, name), None)

    async def run(self) -> None:
        """Request what is known, until cancelled. A standby knows no Secret and requests none."""
        while True:
            await asyncio.sleep(ABSENT_SECONDS)
            await self._poll()

    async def _poll(self) -> None:
        self._round = (self._round + 1) % ROUNDS
        for number, key in enumerate(sorted(self._known)):
            if self._known.get(key) is None or number % ROUNDS == self._round:
                await self._refresh(key)

    async def _refresh(self, key: ObjectKey) -> None:
        try:
            body = await self._request(key)
        except failures.Failure as failure:
            log.debug("secret cannot be requested", extra={"secret": str(key), "error": str(failure)})
            return
        if key in self._known and _version(body) != _version(self._known[key]):
            self._known[key] = body
            self._on_change(*key)

    async def _request(self, key: ObjectKey) -> Body | None:
        try:
            return version_only(await self._client.get(kinds.SECRET, *key, metadata_only=True))
        except failures.NotFound:
            return None


def _version(body: Body | None) -> _Version | None:
    return None if body is None else (objects.uid_of(body), objects.version_of(body))
