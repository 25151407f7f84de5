"""An operator as a separate process, with its log and its metrics."""

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
TIMEOUT: Final = 120.0
"""Seconds; Python imports slowly when many tests share two cores."""
WRITES: Final = "seatrial_api_writes_total"
RECONCILES: Final = "seatrial_reconcile_total"


class OperatorProcess:
    """Starts when it is created and reconciles after `await working()`; `kill` or `stop` it at the end."""

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
        """Return whether it is running."""
        return self._process.poll() is None

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """Stop it with SIGSTOP, as on a machine without CPU time."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Continue it after `freeze`."""
        self._process.send_signal(signal.SIGCONT)

    async def stop(self) -> int:
        """Terminate it and return its exit code."""
        self._process.terminate()
        return await self.ended()

    async def ended(self, *, patience: float = TIMEOUT) -> int:
        """Wait until it exits and return its exit code."""
        end = time.monotonic() + patience
        while (code := self._process.poll()) is None:
            assert time.monotonic() < end, f"the operator does not exit: {self.log_text()[-2000:]}"
            await asyncio.sleep(0.02)
        return code

    def log_text(self) -> str:
        """Return its log."""
        return self.log.read_text()

    def samples(self) -> dict[tuple[str, ...], float]:
        """Return its metrics as (name, label values…) → value; empty while it does not respond."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as response:
                return parsed(response.read().decode())
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return {}

    async def total(self, name: str) -> float:
        """Return the sum of all series of this name."""
        return total(await asyncio.to_thread(self.samples), name)

    async def writes(self) -> int:
        """Return how many writes it has sent, without Lease renewals."""
        return int(await self.total(WRITES))

    async def working(self) -> None:
        """Wait until its caches are filled and it is the leader."""
        await self.until(lambda: ": working" in self.log_text(), "it works")

    async def standing_by(self) -> None:
        """Wait until it runs, and check that it is not the leader."""
        await asyncio.to_thread(self._await_metrics)
        assert await self.total("seatrial_leader") == 0

    async def passed_over(self, objects: int) -> None:
        """Wait until it has reconciled at least this many objects and its queue is empty."""
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end:
            samples = await asyncio.to_thread(self.samples)
            if total(samples, RECONCILES) >= objects and total(samples, "seatrial_queue_depth") == 0:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"the operator did not reconcile {objects} objects: {self.log_text()[-2000:]}")

    async def nothing_waits(self, *, seconds: float) -> None:
        """Wait until its queue has been empty for this many seconds."""
        since = time.monotonic()
        while time.monotonic() - since < seconds:
            if await self.total("seatrial_queue_depth"):
                since = time.monotonic()
            await asyncio.sleep(seconds / 4)

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait until the condition holds; fail when the process exits."""
        end = time.monotonic() + TIMEOUT
        while not holds():
            assert self._process.poll() is None, f"the operator has exited: {self.log_text()[-2000:]}"
            assert time.monotonic() < end, f"timed out waiting until {what}: {self.log_text()[-2000:]}"
            await asyncio.sleep(0.01)

    def _await_metrics(self) -> None:
        end = time.monotonic() + TIMEOUT
        while not self.samples():
            assert time.monotonic() < end, f"no metrics: {self.log_text()[-2000:]}"
            time.sleep(0.05)


def parsed(text: str) -> dict[tuple[str, ...], float]:
    """Parse a metrics page into (name, label values…) → value."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in parser.text_string_to_metric_families(text)
        for sample in family.samples
    }


def total(samples: dict[tuple[str, ...], float], name: str) -> float:
    """Return the sum of all series of this name."""
    return sum(value for key, value in samples.items() if key[0] == name)
