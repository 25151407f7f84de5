"""Options and ground rules of all tests."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os

import pytest

pytest_plugins = ["tests.cluster.fixtures"]


LOOPBACK = ("127.0.0.1", "localhost")


def pytest_configure() -> None:
    """A proxy of the machine is not asked for what runs here; Python's clients would ask it."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name, ""), *LOOPBACK]))


def pytest_collection_finish() -> None:
    """What was loaded and collected stays to the end: the garbage collector need not look at it again and again."""
    gc.freeze()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` writes the golden files anew; review them as a diff."""
    parser.addoption("--update-golden", action="store_true", help="write tests/golden anew")


@pytest.fixture(scope="session", autouse=True)
def _no_orphaned_loop() -> None:
    """No event loop is left for the garbage collector to complain about in some unlucky test.

    pytest-asyncio asks for the main thread's loop, never closes it, and does without. `get_event_loop` makes one
    where none was ever set; where None was set it raises instead.
    """
    with contextlib.suppress(RuntimeError):
        asyncio.get_event_loop_policy().get_event_loop().close()
    asyncio.set_event_loop(None)
