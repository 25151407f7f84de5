"""How many cores the process may use: numeric libraries count those of the whole node and get throttled."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Final

_V2: Final = Path("/sys/fs/cgroup/cpu.max")
_V1: Final = Path("/sys/fs/cgroup/cpu")


def available(v2: Path = _V2, v1: Path = _V1) -> int:
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
