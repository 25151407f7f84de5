"""Puts on a cluster what an operator needs of it: the CRDs, and the policy that vouches for decisions."""

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
PATIENCE = 60.0  # seconds
CRDS = ("modeldeployments.seatrial.dev", "rolloutdecisions.seatrial.dev")


def crds(kubeconfig: Path) -> None:
    """The CRDs of this tree are served."""
    kubectl.run(kubeconfig, "apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    named = [f"crd/{name}" for name in CRDS]
    kubectl.run(kubeconfig, "wait", "--for=condition=Established", *named, "--timeout=90s")


@contextmanager
def decision_policy(kubeconfig: Path) -> Iterator[None]:
    """Nobody can decide in another's name: the chart's policy and its binding are in force meanwhile."""
    rendered = _rendered("templates/decision-policy.yaml")
    kubectl.apply(kubeconfig, rendered)
    try:
        _await_refusal(kubeconfig)
        yield
    finally:
        kubectl.run(kubeconfig, "delete", "--ignore-not-found", "-f", "-", stdin=rendered)


def _await_refusal(kubeconfig: Path) -> None:
    """The policy is in force: the server hears of it a moment after it was applied."""
    spec = {"deployment": "x", "action": "Pause", "revision": "0123456789", "decidedBy": "nobody"}
    body = {
        "apiVersion": names.API_VERSION,
        "kind": names.DECISION_KIND,
        "metadata": {"name": "x"},
        "spec": spec,
    }
    deadline = time.monotonic() + PATIENCE
    while (said := _answer_to(kubeconfig, json.dumps(body))).find("decidedBy must be") < 0:
        assert time.monotonic() < deadline, f"the policy does not come into force: {said}"
        time.sleep(0.1)


def _answer_to(kubeconfig: Path, body: str) -> str:
    try:
        return kubectl.run(kubeconfig, "create", "--dry-run=server", "-f", "-", stdin=body)
    except LabError as refusal:
        return str(refusal)


def _rendered(template: str) -> str:
    chart = str(ROOT / "charts" / "seatrial")
    argv = [str(binaries.path_of("helm")), "template", "seatrial", chart, "--show-only", template]
    # built from source, helm takes itself to speak to a cluster of long ago while it renders
    done = subprocess.run([*argv, "--kube-version", KUBERNETES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
