"""Prints what `kubectl get mdep -w` would show, and waits for what the story needs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self

Status = dict[str, Any]


class Speaker(Protocol):
    """Who can ask the cluster."""

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str: ...


class Watch:
    """Prints a line whenever the status says something new, from `with` on until its end."""

    def __init__(self, stage: Speaker, name: str, *, began: float) -> None:
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
        """The status as it is now."""
        body = json.loads(self._stage.kubectl("get", "mdep", self._name, "-o", "json"))
        status: Status = body.get("status") or {}
        return status | {"generation": body["metadata"]["generation"]}

    def until(self, holds: Callable[[Status], Any], *, seconds: float, what: str) -> Status:
        """The first status of the present spec for which `holds`, printed; fails with the last one."""
        deadline = time.monotonic() + seconds
        while True:
            status = self.status()
            if status.get("observedGeneration") == status["generation"] and holds(status):
                self._print(status)
                return status
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: not within {seconds:.0f} s; {status.get('message')}")
            time.sleep(0.2)

    def _run(self) -> None:
        while not self._stop.wait(0.3):
            try:
                self._print(self.status())
            except Exception:  # noqa: S112 - a watcher outlives an object that is not there yet
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
