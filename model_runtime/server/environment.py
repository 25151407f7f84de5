"""What BentoML and the numeric libraries read when they are imported: set before any of them is."""

from __future__ import annotations

import os

from model_runtime.server import cores


def prepare() -> None:
    """Their variables are set, where nobody has set them."""
    os.environ.setdefault("BENTOML_HOME", "/tmp/bentoml")  # noqa: S108 - the only writable folder of the pod
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
    os.environ.setdefault("OMP_NUM_THREADS", str(cores.available()))
