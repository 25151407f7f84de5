"""The verdict of a check: Fail and Pass are proven, everything else is NoData.

Fail: the evidence that the rate is beyond the limit exceeds 1/α, with at least three bad requests. Pass: the observed
rate keeps to the limit, and a rate above the tolerance is ruled out. Both hold at every look.
"""

from __future__ import annotations

from typing import Final

from seatrial.api.phases import Verdict
from seatrial.api.text import pluralize
from seatrial.core.evidence.checks import Check, Measure
from seatrial.core.evidence.counts import Counts, PairCounts
from seatrial.core.evidence.late_faults import is_fault
from seatrial.core.evidence.memory import CheckMemory
from seatrial.core.evidence.rates import RateSequence
from seatrial.core.state import CheckResult

MIN_BAD: Final = 3
"""Bad requests of the canary below which nothing fails: one client that retries must not reject a revision."""
MOST_REQUESTS: Final = 10_000_000
"""More than this is not forecast."""


def judge(entry: CheckMemory, *, alpha: float, error: str = "") -> CheckResult:
    """Return the verdict of a check; `error` is why metrics of a track cannot be read, if they cannot."""
    check, sequence = entry.check, entry.test.sequence
    canary, stable = sequence.total.canary, sequence.total.stable
    bounds = sequence.bounds(alpha)
    failed = canary.bad >= MIN_BAD and is_fault(entry.test.log_e_value(check.limit), alpha)
    verdict = Verdict.FAIL if failed else _verdict(check, sequence, alpha, error)
    needed = requests_until_pass(check, sequence, alpha) if verdict is Verdict.NO_DATA else None
    needed = None if needed is None else _rounded_up(needed)
    return CheckResult(
        name=check.name,
        verdict=verdict,
        value=_shown(canary.rate) if canary.total else None,
        threshold=check.limit,
        stable_value=_shown(stable.rate) if check.against_stable and stable.total else None,
        lower=_shown(bounds.lower),
        upper=_shown(bounds.upper),
        samples=canary.total,
        requests_needed=needed,
        dry_run=check.dry_run,
        message=error if verdict is Verdict.ERROR else _message(check, sequence, verdict, needed),
    )


def _verdict(check: Check, sequence: RateSequence, alpha: float, error: str) -> Verdict:
    if error:
        return Verdict.ERROR
    return Verdict.PASS if _passes(check, sequence, alpha) else Verdict.NO_DATA


def _passes(check: Check, sequence: RateSequence, alpha: float) -> bool:
    return (
        sequence.total.canary.total >= check.min_samples
        and _observed(check, sequence.total) <= check.limit
        and sequence.rules_out_above(check.tolerance, alpha)
    )


def _observed(check: Check, total: PairCounts) -> float:
    """Return the canary's rate, above stable's where the check compares."""
    return total.canary.rate - (total.stable.rate if check.against_stable else 0.0)


def requests_until_pass(check: Check, sequence: RateSequence, alpha: float) -> int | None:
    """Return how many more good requests of the canary would let the check pass; None for more than ten million.

    Stable is taken to go on as before.
    """

    def passes_after(requests: int) -> bool:
        return _passes(check, sequence.add(_forecast(sequence.total, requests)).commit(), alpha)

    most = 1
    while most <= MOST_REQUESTS and not passes_after(most):
        most *= 2
    if most > MOST_REQUESTS:
        return None
    least = most // 2
    while least + 1 < most:
        middle = (least + most) // 2
        least, most = (least, middle) if passes_after(middle) else (middle, most)
    return most


def _forecast(total: PairCounts, requests: int) -> PairCounts:
    canary, stable = total.canary.total or 1, total.stable
    of_stable = round(stable.total * requests / canary)
    return PairCounts(
        canary=Counts(0, requests), stable=Counts(min(round(stable.rate * of_stable), of_stable), of_stable)
    )


def _shown(rate: float) -> float:
    """Return a rate with as many digits as are worth showing; more would only cause writes of the status."""
    return float(f"{rate:.3g}")


def percent(rate: float) -> str:
    """Return a rate in percent, with two significant digits below 10 %."""
    shown = rate * 100
    return f"{shown:.0f} %" if shown >= 10 else f"{float(f'{shown:.2g}'):g} %"


def _message(check: Check, sequence: RateSequence, verdict: Verdict, needed: int | None) -> str:
    total = sequence.total
    if not total.canary.total:
        return "no request of a user yet"
    observed = f"{_subject(check)} {percent(total.canary.rate)} ({_limit(check, total)})"
    if verdict is not Verdict.NO_DATA:
        return f"{observed} in {pluralize(total.canary.total, 'request')}"
    if needed is None:
        return f"{observed}; more requests at this rate do not decide it"
    return f"{observed}; about {pluralize(needed, 'more good request')} decide it"


def _rounded_up(requests: int) -> int:
    """Return a forecast with two significant digits, so that it does not change with every request."""
    unit = int(10 ** max(len(str(requests)) - 2, 0))
    return -(-requests // unit) * unit


def _subject(check: Check) -> str:
    if check.measure is Measure.LATENCY:
        return f"slower than {check.latency * 1000:g} ms:"
    return "errors"


def _limit(check: Check, total: PairCounts) -> str:
    if not check.against_stable:
        return f"limit {percent(check.limit)}"
    return f"stable {percent(total.stable.rate)}, at most {percent(check.limit)} more"
