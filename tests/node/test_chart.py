"""The chart's own test, on the node."""

from __future__ import annotations

import subprocess

import pytest

from tests.cluster import binaries
from tests.stage import install
from tests.stage.install import Stage

pytestmark = [pytest.mark.node, pytest.mark.slow]


def test_helm_test_says_that_the_operator_works(stage: Stage) -> None:
    command = [
        str(binaries.path_of("helm")),
        *("test", "seatrial", "--namespace", install.SYSTEM, "--timeout", "120s"),
        *("--kubeconfig", str(stage.lab.kubeconfig)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Succeeded" in done.stdout
