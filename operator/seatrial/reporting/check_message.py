"""What the checks of a step say, as clauses of the message, and as one word for the column."""

from __future__ import annotations

from typing import Final

from seatrial.api.phases import Verdict
from seatrial.api.text import pluralize
from seatrial.core.state import CheckResult, Rollout
from seatrial.reporting.phrases import joined

WORST_FIRST: Final = (Verdict.FAIL, Verdict.ERROR, Verdict.NO_DATA, Verdict.PASS)


def checks(rollout: Rollout) -> tuple[str, ...]:
    """Return what the checks say, the worst first; a check that has passed is never told without one that has not."""
    said = joined(*(_clause(result) for result in sorted(rollout.checks, key=_rank)))
    verdict = worst_verdict(rollout)
    if verdict in {None, Verdict.PASS}:
        return (said,)
    return _undecided([r for r in rollout.checks if r.verdict is not Verdict.PASS and not r.dry_run]), said


def _undecided(results: list[CheckResult]) -> str:
    """Return which checks have not passed, in a few words."""
    if len(results) > 1:
        return f"checks {', '.join(result.name for result in results)} are undecided"
    (result,) = results
    return f"check {result.name} is undecided" if result.samples else _clause(result)


def waiting(rollout: Rollout) -> str:
    """Return what a step whose hold is over still waits for, in a few words."""
    undecided = [r for r in rollout.checks if not r.dry_run and r.verdict in {Verdict.ERROR, Verdict.NO_DATA}]
    if not undecided:
        return "evidence"
    worst = min(undecided, key=_rank)
    if worst.verdict is Verdict.ERROR:
        return f"the metrics of check {worst.name}, which cannot be read"
    if worst.requests_needed is None:
        return f"check {worst.name}, which is undecided"
    return f"about {pluralize(worst.requests_needed, 'more good request')} (check {worst.name})"


def worst_verdict(rollout: Rollout) -> Verdict | None:
    """Return the verdict that decides what happens next; None where nothing is checked."""
    verdicts = [result.verdict for result in rollout.checks if not result.dry_run]
    return min(verdicts, key=WORST_FIRST.index, default=None)


def _rank(result: CheckResult) -> tuple[bool, int]:
    known = result.verdict in WORST_FIRST
    return result.dry_run, WORST_FIRST.index(result.verdict) if known else len(WORST_FIRST)


def _clause(result: CheckResult) -> str:
    trial = " (dry run)" if result.dry_run else ""
    return f"check {result.name}{trial}: {result.message}"
