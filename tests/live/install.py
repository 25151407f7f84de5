"""Installs what an operator needs on a cluster: the CRDs and the admission policy for decisions."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seatrial.api import names
from tests.cluster import binaries, kubectl
from tests.cluster.errors import LabError
from tests.live.operator_process import ROOT

KUBERNETES = "1.34.0"
TIMEOUT = 60.0  # seconds
CRDS = ("modeldeployments.seatrial.dev", "rolloutdecisions.seatrial.dev")


def crds(kubeconfig: Path) -> None:
    """Install the CRDs of this repository and wait until they are served."""
    kubectl.run(kubeconfig, "apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    named = [f"crd/{name}" for name in CRDS]
    kubectl.run(kubeconfig, "wait", "--for=condition=Established", *named, "--timeout=90s")


@contextmanager
def decision_policy(kubeconfig: Path) -> Iterator[None]:
    """Install the chart's admission policy, which rejects decisions in another user's name, until the end."""
    manifest = rendered("templates/decision-policy.yaml")
    kubectl.apply(kubeconfig, manifest)
    try:
        _wait_for_policy(kubeconfig)
        yield
    finally:
        kubectl.run(kubeconfig, "delete", "--ignore-not-found", "-f", "-", stdin=manifest)


def _wait_for_policy(kubeconfig: Path) -> None:
    """Wait until the policy is enforced, which is a moment after it was applied."""
    spec = {"deployment": "x", "action": "Pause", "revision": "0123456789", "decidedBy": "nobody"}
    body = {
        "apiVersion": names.API_VERSION,
        "kind": names.DECISION_KIND,
        "metadata": {"name": "x"},
        "spec": spec,
    }
    deadline = time.monotonic() + TIMEOUT
    while (response := _dry_run(kubeconfig, json.dumps(body))).find("decidedBy must be") < 0:
        assert time.monotonic() < deadline, f"the policy is not enforced: {response}"
        time.sleep(0.1)


def _dry_run(kubeconfig: Path, body: str) -> str:
    try:
        return kubectl.run(kubeconfig, "create", "--dry-run=server", "-f", "-", stdin=body)
    except LabError as error:
        return str(error)


def rendered(template: str) -> str:
    """Return the manifest that one template of the chart gives with the default values."""
    chart = str(ROOT / "charts" / "seatrial")
    argv = [str(binaries.path_of("helm")), "template", "seatrial", chart, "--show-only", template]
    # a helm that was built from source assumes a very old cluster while it renders
    result = subprocess.run(
        [*argv, "--kube-version", KUBERNETES], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout
