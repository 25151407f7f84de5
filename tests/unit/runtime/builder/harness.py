"""Runs the build as its Job does: a process with an environment, mounted folders and a termination message."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from model_runtime import contract
from model_runtime.contract import BuildReport, BuildRequest

ROOT = Path(__file__).parents[4]


@dataclass
class Job:
    """One build Job: change its request, mount files, run it."""

    folder: Path
    request: BuildRequest
    environment: dict[str, str] = field(default_factory=dict)
    log: str = ""
    code: int = -1
    cpu_seconds: float = 0.0
    largest_file: int = 0
    """Bytes that a file may have: beyond it the disk is full; 0 is without end."""

    def asks(self, **changes: object) -> Job:
        self.request = replace(self.request, **changes)  # type: ignore[arg-type]
        return self

    def mount(self, place: str, files: dict[str, str]) -> Job:
        (self.folder / place).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (self.folder / place / name).write_text(text)
        return self

    def run(self) -> BuildReport:
        """Run the build and return its report; the job keeps the log and the exit code."""
        message = self.folder / "termination-log"
        message.unlink(missing_ok=True)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-m", "model_runtime.builder"],
            env={**self._places(), **self.environment},
            capture_output=True,
            text=True,
            cwd=self.folder,
            timeout=300,
            check=False,
            preexec_fn=self._bound if self.largest_file else None,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.log, self.code = done.stdout + done.stderr, done.returncode
        assert message.is_file(), self.log
        report = BuildReport.from_json(message.read_text())
        assert report.succeeded == (self.code == 0), self.log
        return report

    def _bound(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.largest_file, self.largest_file))

    def _places(self) -> dict[str, str]:
        names = {
            "WORK_FOLDER": "work",
            "CREDENTIALS_FOLDER": "credentials",
            "PUSH_SECRET_FOLDER": "push",
            "PULL_SECRET_FOLDER": "pull",
            "CA_FOLDER": "ca",
            "VOLUME_FOLDER": "volume",
            "TERMINATION_MESSAGE_PATH": "termination-log",
        }
        self._emptied("work")
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            contract.BUILD_REQUEST_VARIABLE: self.request.to_json(),
            **{f"SEATRIAL_{key}": str(self.folder / name) for key, name in names.items()},
        }

    def _emptied(self, name: str) -> None:
        """Empty the folder, as in a new pod."""
        number = len(list(self.folder.glob(f"{name}*.old")))
        if (self.folder / name).exists():
            (self.folder / name).rename(self.folder / f"{name}-{number}.old")


def push_secret(host: str, username: str, password: str) -> dict[str, str]:
    config = {"auths": {host: {"username": username, "password": password}}}
    return {".dockerconfigjson": json.dumps(config)}


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """Its address, without an ending slash; it serves the folder."""
    handler = partial(_Quiet, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
        pass
