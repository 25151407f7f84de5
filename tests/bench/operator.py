"""All figures of the operator, measured on one stage."""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable
from typing import Final

from tests import cluster
from tests.bench import burst, rest, speed
from tests.bench.report import Row
from tests.bench.stage import Size, Stage, staged

Part = Callable[[Stage, Size], Awaitable[list[Row]]]
PARTS: Final[dict[str, Part]] = {
    "one by one": speed.paced,
    "steps": speed.steps,
    "a pass with nothing to do": rest.no_op,
    "all at once": burst.quiet,
    "rest": rest.idle,
    "restart": rest.restart,
    "all at once beside a busy neighbour": burst.beside_a_busy_neighbour,
}


async def rows(lab: cluster.Lab, size: Size, *, only: str = "") -> list[Row]:
    """Every figure, in the order in which it was measured; `only` one part of them where it is named."""
    found: list[Row] = []
    async with staged(lab) as stage:
        for name, part in PARTS.items():
            if only in ("", name):
                began = time.monotonic()
                found += await part(stage, size)
                print(f"· measured: {name} ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
    return found
