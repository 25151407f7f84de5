"""What BentoML and the numeric libraries read when they are imported: set before any of them is."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Final

_V2: Final = Path("/sys/fs/cgroup/cpu.max")
_V1: Final = Path("/sys/fs/cgroup/cpu")


def prepare() -> None:
    """Their variables are set, where nobody has set them."""
    os.environ.setdefault("BENTOML_HOME", "/tmp/bentoml")  # noqa: S108 - the only writable folder of the pod
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
    os.environ.setdefault("OMP_NUM_THREADS", str(available_cores()))


def available_cores(v2: Path = _V2, v1: Path = _V1) -> int:
    """Whole cores, at least one: the smaller of affinity and the container's limit."""
    allowed = len(os.sched_getaffinity(0))
    limit = _limit(v2, v1)
    return max(1, allowed if limit is None else min(allowed, math.ceil(limit)))


def _limit(v2: Path, v1: Path) -> float | None:
    try:
        if v2.is_file():
            quota, period = v2.read_text().split()
        else:
            quota = (v1 / "cpu.cfs_quota_us").read_text().strip()
            period = (v1 / "cpu.cfs_period_us").read_text().strip()
        return None if quota in ("max", "-1") else int(quota) / int(period)
    except (OSError, ValueError):
        return None
