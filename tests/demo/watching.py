"""Watches a ModelDeployment: prints its status as `kubectl get mdep -w` does, and waits for conditions."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self

Status = dict[str, Any]


class Kubectl(Protocol):
    """Something that runs kubectl in a namespace."""

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str: ...


class Watch:
    """Prints a line whenever the status changes; use as a context manager."""

    def __init__(self, stage: Kubectl, name: str, *, began: float) -> None:
        self._stage, self._name, self._began = stage, name, began
        self._last = ""
        self._printing = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def status(self) -> Status:
        """Return the current status, with the generation of the object."""
        body = json.loads(self._stage.kubectl("get", "mdep", self._name, "-o", "json"))
        status: Status = body.get("status") or {}
        return status | {"generation": body["metadata"]["generation"]}

    def until(self, is_met: Callable[[Status], Any], *, seconds: float, what: str) -> Status:
        """Return the first status of the current spec that meets the condition, and print it.

        Raises TimeoutError with the last message.
        """
        deadline = time.monotonic() + seconds
        while True:
            status = self.status()
            if status.get("observedGeneration") == status["generation"] and is_met(status):
                self._print(status)
                return status
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"timed out after {seconds:.0f} s, waiting until {what}; last status: {status.get('message')}"
                )
            time.sleep(0.2)

    def _run(self) -> None:
        while not self._stop.wait(0.3):
            try:
                self._print(self.status())
            except Exception:  # noqa: S112 - the object may not exist yet, or kubectl may fail once
                continue

    def _print(self, status: Status) -> None:
        summary = status.get("summary") or {}
        weight = f"{summary['weight']} %" if "weight" in summary else ""
        line = (
            f"{status.get('phase', ''):12} {summary.get('step', ''):4} {weight:5} {status.get('message', '')}"
        )
        with self._printing:
            if line != self._last:
                self._last = line
                print(f"   {time.monotonic() - self._began:5.0f} s  {line}", flush=True)
