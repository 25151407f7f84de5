"""Clients inside a cluster: `load.py` in a pod, because a forwarded port would send all requests to one pod."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.cluster.errors import LabError
from tests.stage import load, pods
from tests.stage.given import GivenCluster
from tests.stage.load import Tally

NAME: Final = "users"
FOLDER: Final = "/users"
_END: Final = "import os, signal; os.kill(1, signal.SIGTERM)"


@dataclass(slots=True, kw_only=True)
class Crowd:
    """`Users` in a pod of the demo's namespace; use as a context manager."""

    cluster: GivenCluster
    namespace: str
    image: str
    with_login: bool
    address: str
    """`HOST:PORT` of the Service, as pods reach it."""
    body: bytes
    rate: float
    patience: float
    """Seconds within which the pod must send its first request."""
    _counted: Tally | None = None

    def __enter__(self) -> Self:
        self.cluster.apply(*self._objects())
        try:
            self._until("Running", seconds=self.patience)
            self._first_line()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._last_line()
        finally:
            self._remove()

    @property
    def tally(self) -> Tally:
        """Return the counts so far, at most a second old."""
        return self._counted or self._logged()

    def _logged(self) -> Tally:
        return newest(self._kubectl("logs", NAME, "--tail=3"))

    def _first_line(self) -> None:
        deadline = time.monotonic() + self.patience
        while True:
            try:
                self._logged()
                return
            except ValueError as error:
                self._until("Running", seconds=0)
                if time.monotonic() > deadline:
                    raise LabError(
                        f"the pod {NAME} sends no requests within {self.patience:.0f} s"
                    ) from error
            time.sleep(0.3)

    def _last_line(self) -> None:
        """Stop the clients, and read the final counts."""
        self._kubectl("exec", NAME, "--", "python", "-c", _END)
        self._until("Succeeded", seconds=30 + load.PATIENCE)
        self._counted = self._logged()

    def _until(self, phase: str, *, seconds: float) -> None:
        pods.until(self.cluster, self.namespace, NAME, phase=phase, seconds=seconds)

    def _remove(self) -> None:
        self._kubectl("delete", f"pod/{NAME}", f"configmap/{NAME}", "--ignore-not-found", "--timeout=60s")

    def _kubectl(self, *arguments: str) -> str:
        return self.cluster.kubectl("-n", self.namespace, *arguments)

    def _objects(self) -> list[dict[str, Any]]:
        metadata = {"namespace": self.namespace, "name": NAME}
        files = {"load.py": Path(load.__file__).read_text(), "body.json": self.body.decode()}
        command = [
            "python",
            f"{FOLDER}/load.py",
            self.address,
            f"{FOLDER}/body.json",
            f"--rate={self.rate:g}",
        ]
        container = pods.container(
            NAME,
            self.image,
            command,
            volumeMounts=[{"name": "files", "mountPath": FOLDER, "readOnly": True}],
            terminationMessagePolicy="FallbackToLogsOnError",
        )
        spec = {"containers": [container], "volumes": [{"name": "files", "configMap": {"name": NAME}}]}
        return [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": files},
            pods.pod(self.namespace, NAME, with_login=self.with_login, **spec),
        ]


def newest(log: str) -> Tally:
    """Return the last tally in a log; raise ValueError if there is none."""
    for line in reversed(log.splitlines()):
        try:
            return Tally.from_json(line)
        except ValueError:
            continue
    raise ValueError("no tally yet")
