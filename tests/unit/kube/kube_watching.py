"""What tests of informers share: a log of events, and the tasks that run."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from seatrial.api.objects import Body
from seatrial.kube.informers import Informer

START = datetime(2026, 1, 1, tzinfo=UTC)
OWNER = "seatrial.dev/deployment"
RUNNING: dict[Informer, asyncio.Task[None]] = {}


class EventLog(list[tuple[str, str]]):
    """The events that an informer reported: type and name of the object."""

    def __call__(self, event: str, body: Body) -> None:
        self.append((event, body["metadata"]["name"]))


def start(informer: Informer) -> None:
    """Run the informer until the test ends."""
    RUNNING[informer] = asyncio.create_task(informer.run())


async def settle(seconds: float = 1.0) -> None:
    """Let everything that is in progress complete."""
    await asyncio.sleep(seconds)


def names(informer: Informer) -> set[str]:
    """Return the names of the objects in the store."""
    return {body["metadata"]["name"] for body in informer.store}
