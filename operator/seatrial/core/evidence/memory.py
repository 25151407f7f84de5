"""What the statistics remember of one step, and how newer samples change it.

A memory belongs to one step of one rollout, from when its weight was reached: nothing of an earlier step, and no
request of an earlier share, enters it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from seatrial.core.evidence.checks import Check
from seatrial.core.evidence.counts import NO_COUNTS, NONE, Counts, PairCounts
from seatrial.core.evidence.late_faults import LateFaultTest
from seatrial.core.evidence.rates import RateSequence
from seatrial.core.evidence.samples import PodSample, Samples

LONG_HOLD: Final = timedelta(minutes=10)
"""Holds from here on also look for faults that begin late."""
ONSETS: Final = 15
"""How many times of onset a long hold is divided into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckMemory:
    """One check as it was when the step began, and the evidence about it."""

    check: Check
    test: LateFaultTest


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The counters of one process that are already part of the evidence, for each check."""

    started: float
    counts: tuple[Counts, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The evidence of one step; a change of the spec's checks does not reach it before the next step."""

    step_started_at: datetime
    hold: timedelta
    alpha: float
    """The false alarm rate of one check in this step."""
    checks: tuple[CheckMemory, ...]
    seen: Mapping[str, Seen] = field(default_factory=dict)
    """By the uid of the pod."""

    def without_onsets(self) -> Memory:
        """Return the memory without the evidence for faults that begin late, which takes most of its space."""
        tests = (replace(entry.test, onsets=0, sums_at_onset=()) for entry in self.checks)
        checks = tuple(replace(entry, test=test) for entry, test in zip(self.checks, tests, strict=True))
        return replace(self, hold=timedelta(0), checks=checks)


def begin(checks: Iterable[Check], *, alpha: float, step_started_at: datetime, hold: timedelta) -> Memory:
    """Return the memory of a step that has begun."""
    onsets = ONSETS if hold >= LONG_HOLD else 0
    return Memory(
        step_started_at=step_started_at,
        hold=hold,
        alpha=alpha,
        checks=tuple(
            CheckMemory(check=c, test=LateFaultTest(onsets=onsets, sequence=RateSequence(factor=c.factor)))
            for c in checks
        ),
    )


def observe(memory: Memory, samples: Samples, *, canary: str, stable: str) -> Memory:
    """Return the memory after the newest samples; the same when they hold nothing new."""
    fresh = [sample for sample in samples.pods if _is_news(memory, sample)]
    increments = [_increments(memory, fresh, revision) for revision in (canary, stable)]
    onsets = _onsets_begun(memory, fresh)
    checks = tuple(
        replace(entry, test=_after(entry.test, PairCounts(canary=new, stable=old), onsets))
        for entry, new, old in zip(memory.checks, *increments, strict=True)
    )
    return replace(memory, checks=checks, seen={**memory.seen, **_seen(memory, fresh, (canary, stable))})


def _is_news(memory: Memory, sample: PodSample) -> bool:
    """Return whether a sample is of this step and not older than what was seen: another process may have stored that.

    Counters of one process never fall, so an older sample that was taken for new would be counted twice.
    """
    seen = memory.seen.get(sample.pod)
    if sample.at < memory.step_started_at:
        return False
    if seen is None or sample.started > seen.started:
        return True
    return sample.started == seen.started and all(
        after.total >= before.total
        for after, before in zip(_counts(memory, sample), seen.counts, strict=True)
    )


def _after(test: LateFaultTest, counts: PairCounts, onsets: int) -> LateFaultTest:
    """Return the test after more requests; times of onset without a request in between are the same one."""
    if counts == NO_COUNTS:
        return test
    while len(test.sums_at_onset) < onsets:
        test = test.begin_onset()
    return test.add(counts)


def _onsets_begun(memory: Memory, fresh: list[PodSample]) -> int:
    """Return how many times of onset have begun at the newest sample."""
    if memory.hold < LONG_HOLD or not fresh:
        return 0
    elapsed = max(sample.at for sample in fresh) - memory.step_started_at
    return min(int(elapsed / (memory.hold / ONSETS)) + 1, ONSETS)


def _increments(memory: Memory, fresh: list[PodSample], revision: str) -> list[Counts]:
    """Return for each check the requests of a track that are not part of the evidence yet."""
    sums = [NONE] * len(memory.checks)
    for sample in fresh:
        if sample.revision == revision:
            sums = [have + new for have, new in zip(sums, _increment(memory, sample), strict=True)]
    return sums


def _increment(memory: Memory, sample: PodSample) -> list[Counts]:
    """Return what one process has counted since it was last seen; one that is older than the step begins at zero."""
    now, seen = _counts(memory, sample), memory.seen.get(sample.pod)
    if seen is None and sample.started < memory.step_started_at.timestamp():
        return [NONE] * len(now)
    if seen is None or seen.started != sample.started:
        return list(now)
    return [_difference(after, before) for after, before in zip(now, seen.counts, strict=True)]


def _difference(after: Counts, before: Counts) -> Counts:
    """Return what was counted in between; never less than nothing, whatever a server reports."""
    total = max(after.total - before.total, 0)
    return Counts(min(max(after.bad - before.bad, 0), total), total)


def _counts(memory: Memory, sample: PodSample) -> tuple[Counts, ...]:
    return tuple(entry.check.counts(sample) for entry in memory.checks)


def _seen(memory: Memory, fresh: list[PodSample], revisions: tuple[str, str]) -> dict[str, Seen]:
    return {
        sample.pod: Seen(started=sample.started, counts=_counts(memory, sample))
        for sample in fresh
        if sample.revision in revisions
    }
