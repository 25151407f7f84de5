"""One operator as a process of its own, and what it says of itself."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from prometheus_client import parser

from tests.cluster import ports

ROOT: Final = Path(__file__).resolve().parents[2]
START_PATIENCE: Final = 120.0
"""Seconds: Python imports slowly where many tests share two cores."""
WRITES: Final = "seatrial_api_writes_total"
PASSES: Final = "seatrial_reconcile_total"


class OperatorProcess:
    """Started by `OperatorProcess(…)`, working after `await working()`; `kill` or `stop` it at the end."""

    def __init__(
        self,
        kubeconfig: Path,
        log: Path,
        *arguments: str,
        command: str = "seatrial.main",
        more: Mapping[str, str] | None = None,
    ) -> None:
        (self.port,) = ports.free(1)
        self.log = log
        common = ["--kubeconfig", str(kubeconfig), "--plain-logs", "--metrics-port", str(self.port)]
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", command, *common, *arguments],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": "operator:.", **(more or {})},
                stdout=file,
                stderr=file,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def lives(self) -> bool:
        """It has not ended."""
        return self._process.poll() is None

    def kill(self) -> None:
        """Gone at once, as with kill -9."""
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """It stands still between two instructions, as on a machine that is starved."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on, and does not know how long it stood still."""
        self._process.send_signal(signal.SIGCONT)

    async def stop(self) -> int:
        """Told to end, and has: its exit code."""
        self._process.terminate()
        return await self.ended()

    async def ended(self, *, patience: float = START_PATIENCE) -> int:
        """Has ended by itself: its exit code."""
        end = time.monotonic() + patience
        while (code := self._process.poll()) is None:
            assert time.monotonic() < end, f"it does not end: {self.said()[-2000:]}"
            await asyncio.sleep(0.02)
        return code

    def said(self) -> str:
        """Its log."""
        return self.log.read_text()

    def samples(self) -> dict[tuple[str, ...], float]:
        """Its metrics now: (name, label values…) → value; empty while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
                return parsed(answer.read().decode())
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return {}

    async def total(self, name: str) -> float:
        """The sum of all series of this name."""
        return total(await asyncio.to_thread(self.samples), name)

    async def writes(self) -> int:
        """How many writes it has sent, Lease renewals not counted."""
        return int(await self.total(WRITES))

    async def working(self) -> None:
        """Its caches are full and it leads."""
        await self.until(lambda: ": working" in self.said(), "it works")

    async def standing_by(self) -> None:
        """It runs, and another one leads."""
        await asyncio.to_thread(self._await_metrics)
        assert await self.total("seatrial_leader") == 0

    async def passed_over(self, objects: int) -> None:
        """It has made a pass over so many objects at least, and none waits."""
        end = time.monotonic() + START_PATIENCE
        while time.monotonic() < end:
            samples = await asyncio.to_thread(self.samples)
            if total(samples, PASSES) >= objects and total(samples, "seatrial_queue_depth") == 0:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"it did not pass over {objects} objects: {self.said()[-2000:]}")

    async def nothing_waits(self, *, seconds: float) -> None:
        """So long no object has waited for a pass."""
        since = time.monotonic()
        while time.monotonic() - since < seconds:
            if await self.total("seatrial_queue_depth"):
                since = time.monotonic()
            await asyncio.sleep(seconds / 4)

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """It lives and this holds."""
        end = time.monotonic() + START_PATIENCE
        while not holds():
            assert self._process.poll() is None, f"the operator has ended: {self.said()[-2000:]}"
            assert time.monotonic() < end, f"waited in vain until {what}: {self.said()[-2000:]}"
            await asyncio.sleep(0.01)

    def _await_metrics(self) -> None:
        end = time.monotonic() + START_PATIENCE
        while not self.samples():
            assert time.monotonic() < end, f"no metrics: {self.said()[-2000:]}"
            time.sleep(0.05)


def parsed(text: str) -> dict[tuple[str, ...], float]:
    """The samples of a metrics page: (name, label values…) → value."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in parser.text_string_to_metric_families(text)
        for sample in family.samples
    }


def total(samples: dict[tuple[str, ...], float], name: str) -> float:
    """The sum of all series of this name."""
    return sum(value for key, value in samples.items() if key[0] == name)
