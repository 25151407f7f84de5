"""An operator over the fake API server whose parts a test starts itself."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from seatrial import options, wiring
from tests.apiserver import FakeApiServer
from tests.unit.shell.shell_objects import START


def build(api: FakeApiServer, **chosen: Any) -> wiring.Operator:
    """Return an operator in virtual time with the fake as its API server."""
    loop = asyncio.get_running_loop()
    clocks = wiring.Clocks(now=lambda: START + timedelta(seconds=loop.time()), monotonic=loop.time)
    return wiring.build(options.Options(**chosen), api, lease_lost=asyncio.Event(), clocks=clocks)


async def run_informers(operator: wiring.Operator) -> list[asyncio.Task[Any]]:
    """Run every informer; kopf's watch delivers nothing."""
    tasks: list[asyncio.Task[Any]] = [asyncio.create_task(informer.run()) for informer in operator.informers]
    for informer in operator.informers:
        await informer.synced.wait()
    return tasks


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel the tasks and wait for their end."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
