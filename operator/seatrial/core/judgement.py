"""The judgement of a canary: the evidence of each step, and what its verdicts mean for the rollout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from seatrial.api.checks import OnNoData
from seatrial.api.phases import Verdict
from seatrial.api.rollout_status import EVIDENCE_LENGTH
from seatrial.core.evidence import memory_text
from seatrial.core.evidence.checks import Check
from seatrial.core.evidence.memory import CheckMemory, Memory, begin, observe
from seatrial.core.evidence.verdicts import judge
from seatrial.core.inputs import Inputs
from seatrial.core.state import CheckResult, Rollout, RolloutState
from seatrial.core.target import Target, step_of
from seatrial.core.transitions import TABLE, hold_ends_at

TOO_MANY_PODS: Final = (
    "the tracks have had more pods in this step than its evidence can hold; use fewer checks"
)


def is_judged(rollout: Rollout) -> bool:
    """Return whether requests of users are evidence about the rollout now."""
    row = TABLE[rollout.phase]
    return (
        row.may_receive_traffic
        and not row.is_leaving
        and rollout.users_since is not None
        and rollout.weight > 0
        and rollout.step_started_at is not None
        and rollout.step > 0
    )


def with_evidence(state: RolloutState, inputs: Inputs) -> RolloutState:
    """Return the state with what the newest samples add to the evidence of the present step, and the verdicts."""
    rollout = state.rollout
    if rollout is None or not (rollout.evidence or inputs.target.checks):
        return state
    if not is_judged(rollout):
        return state if not rollout.evidence else replace(state, rollout=replace(rollout, evidence=""))
    memory = _memory(rollout, inputs.target)
    if memory is None or state.stable is None:
        return replace(state, rollout=replace(rollout, evidence="", checks=()))
    stable, samples = state.stable.revision, inputs.snapshot.samples
    after = observe(memory, samples, canary=rollout.revision, stable=stable)
    if after == memory and rollout.evidence and not samples.errors and not _has_errors(rollout):
        return state
    text = memory_text.encode_within(after, EVIDENCE_LENGTH)
    error = "" if text else TOO_MANY_PODS
    results = tuple(
        _judged(entry, after, inputs, (rollout.revision, stable), error) for entry in after.checks
    )
    return replace(state, rollout=replace(rollout, evidence=text or rollout.evidence, checks=results))


def _has_errors(rollout: Rollout) -> bool:
    return not rollout.checks or any(result.verdict is Verdict.ERROR for result in rollout.checks)


def _memory(rollout: Rollout, target: Target) -> Memory | None:
    """Return the memory of the present step, begun if it has none; None where there is nothing to check."""
    stored = memory_text.decode(rollout.evidence)
    if rollout.step_started_at is None or (stored is not None and _is_of_step(stored, rollout)):
        return stored
    if not target.checks or rollout.step > len(target.steps):
        return None
    return begin(
        target.checks,
        alpha=target.false_alarm_rate / (len(target.steps) * len(target.checks)),
        step_started_at=rollout.step_started_at,
        hold=step_of(target, rollout).hold,
    )


def _is_of_step(memory: Memory, rollout: Rollout) -> bool:
    return memory.step_started_at == rollout.step_started_at


def _judged(
    entry: CheckMemory, memory: Memory, inputs: Inputs, revisions: tuple[str, str], error: str
) -> CheckResult:
    concerned = revisions if entry.check.against_stable else revisions[:1]
    errors = inputs.snapshot.samples.errors
    error = error or next((errors[revision] for revision in concerned if revision in errors), "")
    return judge(entry, alpha=memory.alpha, error=error)


def failed_check(rollout: Rollout) -> CheckResult | None:
    """Return the first check that has failed and counts."""
    return next((c for c in rollout.checks if c.verdict is Verdict.FAIL and not c.dry_run), None)


def undecided(rollout: Rollout) -> Iterator[tuple[Check, CheckResult]]:
    """Yield the checks of the present step that have neither passed nor failed and count."""
    memory = memory_text.decode(rollout.evidence)
    checks = () if memory is None else memory.checks
    results = {result.name: result for result in rollout.checks}
    for entry in checks:
        result = results.get(entry.check.name)
        if result and not entry.check.dry_run and result.verdict not in {Verdict.PASS, Verdict.FAIL}:
            yield entry.check, result


def waits_for_evidence(rollout: Rollout, target: Target, now: datetime) -> bool:
    """Return whether the step has to wait longer than its hold, for requests or for a person."""
    ends = hold_ends_at(rollout, step_of(target, rollout).hold)
    return ends is not None and any(
        now < ends + check.no_data_deadline or check.on_no_data is not OnNoData.PASS
        for check, _ in undecided(rollout)
    )


def overdue_check(rollout: Rollout, target: Target, now: datetime) -> CheckResult | None:
    """Return a check that had no data until its deadline, and then fails; metrics that cannot be read never do."""
    ends = hold_ends_at(rollout, step_of(target, rollout).hold)
    overdue = (
        result
        for check, result in undecided(rollout)
        if ends is not None
        and check.on_no_data is OnNoData.FAIL
        and result.verdict is Verdict.NO_DATA
        and now >= ends + check.no_data_deadline
    )
    return next(overdue, None)


def deadlines(rollout: Rollout, target: Target) -> Iterator[datetime]:
    """Yield when checks without data pass or fail by themselves."""
    ends = hold_ends_at(rollout, step_of(target, rollout).hold)
    for check, _ in undecided(rollout):
        if ends is not None and check.on_no_data is not OnNoData.HOLD:
            yield ends + check.no_data_deadline
