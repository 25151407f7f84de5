"""A confidence sequence for a share: the ground of checks of agreement and of labelled traffic, which are to come.

The Beta(½, ½) mixture of binomial likelihoods (Robbins 1970; Howard, Ramdas, McAuliffe & Sekhon 2021): every p for
which log B(½ + s, ½ + n − s) / B(½, ½) − s·log p − (n − s)·log(1 − p) stays below log(1/α) is not ruled out, ever.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from seatrial.core.evidence.rates import Bounds

BISECTIONS: Final = 200


def share_bounds(successes: int, total: int, alpha: float) -> Bounds:
    """Return the shares that `successes` of `total` do not rule out at false alarm rate `alpha`."""
    if total == 0:
        return Bounds(0.0, 1.0)
    mixture = _log_beta(0.5 + successes, 0.5 + total - successes) - _log_beta(0.5, 0.5)
    threshold = -math.log(alpha)
    observed = successes / total

    def is_ruled_out(share: float) -> bool:
        return mixture - _log_likelihood(successes, total, share) >= threshold

    lower = 0.0 if successes == 0 else _edge(is_ruled_out, 0.0, observed)
    upper = 1.0 if successes == total else _edge(is_ruled_out, 1.0, observed)
    return Bounds(lower, upper)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _log_likelihood(successes: int, total: int, share: float) -> float:
    failures = total - successes
    good = successes * math.log(share) if successes else 0.0
    bad = failures * math.log1p(-share) if failures else 0.0
    return good + bad


def _edge(is_ruled_out: Callable[[float], bool], outside: float, inside: float) -> float:
    """Return the share between `outside`, which is ruled out, and `inside`, which is not, where that changes."""
    for _ in range(BISECTIONS):
        middle = (outside + inside) / 2
        if middle in (outside, inside):
            break
        outside, inside = (middle, inside) if is_ruled_out(middle) else (outside, middle)
    return (outside + inside) / 2
