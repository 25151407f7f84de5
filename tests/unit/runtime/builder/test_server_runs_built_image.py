"""Build and server agree about the image: what one leaves there, the other serves."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from model_runtime import contract
from model_runtime.contract import BuildReport
from model_runtime.registry.references import Reference
from tests.unit.runtime.builder.harness import ROOT, Job
from tests.unit.runtime.registry.fixtures import MakeClient, files_in, free_port

pytestmark = pytest.mark.slow


@pytest.fixture
def address(
    built: tuple[Job, BuildReport], client_of: MakeClient, docker_registry: str, tmp_path: Path
) -> Iterator[str]:
    """A server of the files in the built image."""
    job, report = built
    image = Reference.parse(f"{job.request.repository}@{report.image.partition('@')[2]}")
    files_in(client_of(docker_registry), image, tmp_path)
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "BENTOML_HOME": str(tmp_path / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "True",
        "PORT": str(port),
        "SEATRIAL_IMAGE_FOLDER": str(tmp_path / "root" / contract.IMAGE_FOLDER[1:]),
        "SEATRIAL_TERMINATION_MESSAGE_PATH": str(tmp_path / "termination-log"),
        "SEATRIAL_DRAIN_SECONDS": "0",
    }
    command = [sys.executable, *contract.SERVER_COMMAND[1:]]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            _await_ready(f"http://127.0.0.1:{port}", process, tmp_path / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def _await_ready(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _attempt in range(1200):
        try:
            if httpx.get(f"{address}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def test_the_server_predicts_with_the_model_of_the_image(address: str) -> None:
    answer = httpx.post(f"{address}/predict", json=[[5.1, 3.5, 1.4, 0.2]])

    assert answer.status_code == 200, answer.text
    assert "prediction" in answer.text
    assert httpx.get(f"{address}/v2/models/churn").status_code == 200
