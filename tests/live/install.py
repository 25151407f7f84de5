"""Puts on a cluster what an operator needs of it: the CRDs, and the policy that vouches for decisions."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster import binaries, kubectl
from tests.live.process import ROOT

KUBERNETES = "1.34.0"
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
        yield
    finally:
        kubectl.run(kubeconfig, "delete", "--ignore-not-found", "-f", "-", stdin=rendered)


def _rendered(template: str) -> str:
    chart = str(ROOT / "charts" / "seatrial")
    argv = [str(binaries.path_of("helm")), "template", "seatrial", chart, "--show-only", template]
    # built from source, helm takes itself to speak to a cluster of long ago while it renders
    done = subprocess.run([*argv, "--kube-version", KUBERNETES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
