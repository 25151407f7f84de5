"""What tests of informers share: what was told, and who runs."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from seatrial.api.objects import Body
from seatrial.kube.informers import Informer

START = datetime(2026, 1, 1, tzinfo=UTC)
OWNER = "seatrial.dev/deployment"
RUNNING: dict[Informer, asyncio.Task[None]] = {}


class Heard(list[tuple[str, str]]):
    """The events that an informer told: what and of whom."""

    def __call__(self, event: str, body: Body) -> None:
        self.append((event, body["metadata"]["name"]))


def start(informer: Informer) -> None:
    """The informer runs until the test ends."""
    RUNNING[informer] = asyncio.create_task(informer.run())


async def settle(seconds: float = 1.0) -> None:
    """Everything that was under way has happened."""
    await asyncio.sleep(seconds)


def names(informer: Informer) -> set[str]:
    """The names in its store."""
    return {body["metadata"]["name"] for body in informer.store}
