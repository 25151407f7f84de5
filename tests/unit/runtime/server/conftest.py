"""No event loop is left for the garbage collector to complain about in some other test."""

from __future__ import annotations

import asyncio
import contextlib

import pytest


@pytest.fixture(scope="session", autouse=True)
def _no_orphaned_loop() -> None:
    """The main thread has no loop of its own: pytest-asyncio asks for one, never closes it, and does without.

    `asyncio.get_event_loop` makes a loop where none was ever set; where None was set it raises instead.
    """
    with contextlib.suppress(RuntimeError):
        asyncio.get_event_loop_policy().get_event_loop().close()
    asyncio.set_event_loop(None)
