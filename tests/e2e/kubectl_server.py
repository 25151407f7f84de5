"""A real API server with the CRDs, and kubectl for it."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml

from tests.cluster import binaries

REPOSITORY = Path(__file__).resolve().parents[2]
CRDS = sorted((REPOSITORY / "crds").glob("*.yaml"))
EXAMPLES = sorted((REPOSITORY / "crds" / "examples").glob("*.yaml"))
ILLEGAL = [path for path in EXAMPLES if path.name.startswith("illegal-")]
LEGAL = [path for path in EXAMPLES if path not in ILLEGAL]
NAMESPACE = f"crd-{uuid.uuid4().hex[:8]}"
"""A new namespace for each run: the previous one may still be terminating."""


class Cluster(Protocol):
    """The part of the fixture that is used here."""

    kubeconfig: Path


class Server:
    """kubectl for one cluster and one namespace."""

    def __init__(self, kubeconfig: Path) -> None:
        self.environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}

    def run(self, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl; the command may fail."""
        return subprocess.run(
            [str(binaries.path_of("kubectl")), *arguments],
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def must(self, *arguments: str, text: str | None = None) -> str:
        """Run kubectl, which must succeed, and return its output."""
        done = self.run(*arguments, text=text)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def create(self, body: dict[str, Any], *flags: str) -> subprocess.CompletedProcess[str]:
        """Try to create `body` with strict validation."""
        here = {**body, "metadata": {**body["metadata"], "namespace": NAMESPACE}}
        return self.run("create", "--validate=strict", *flags, "-f", "-", text=json.dumps(here))


@pytest.fixture(scope="session")
def server(control_plane: Cluster) -> Iterator[Server]:
    server = Server(control_plane.kubeconfig)
    for path in CRDS:
        server.must("apply", "--server-side", "--force-conflicts", "-f", str(path))
    server.must(
        "wait", "--for=condition=Established", *(f"--filename={path}" for path in CRDS), "--timeout=90s"
    )
    server.must("create", "namespace", NAMESPACE)
    yield server
    server.run("delete", "namespace", NAMESPACE, "--wait=false")


def loaded(path: Path) -> dict[str, Any]:
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def model(name: str, **spec: Any) -> dict[str, Any]:
    body = loaded(REPOSITORY / "crds" / "examples" / "minimal.yaml")
    return {**body, "metadata": {"name": name}, "spec": {**body["spec"], **spec}}
