"""Environment variables that BentoML and numeric libraries read when they are imported."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Final

_CGROUP_V2: Final = Path("/sys/fs/cgroup/cpu.max")
_CGROUP_V1: Final = Path("/sys/fs/cgroup/cpu")


def prepare() -> None:
    """Set the variables that are not set; call this before any of the libraries is imported."""
    os.environ.setdefault("BENTOML_HOME", "/tmp/bentoml")  # noqa: S108 - the only writable folder of the pod
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
    os.environ.setdefault("OMP_NUM_THREADS", str(available_cores()))


def available_cores(v2: Path = _CGROUP_V2, v1: Path = _CGROUP_V1) -> int:
    """Return the cores that this process may use, at least 1: the smaller of its affinity and the container's limit.

    Numeric libraries count the cores of the whole node instead, and are then throttled.
    """
    allowed = len(os.sched_getaffinity(0))
    limit = _cpu_limit(v2, v1)
    return max(1, allowed if limit is None else min(allowed, math.ceil(limit)))


def _cpu_limit(v2: Path, v1: Path) -> float | None:
    try:
        if v2.is_file():
            quota, period = v2.read_text().split()
        else:
            quota = (v1 / "cpu.cfs_quota_us").read_text().strip()
            period = (v1 / "cpu.cfs_period_us").read_text().strip()
        return None if quota in ("max", "-1") else int(quota) / int(period)
    except (OSError, ValueError):
        return None
