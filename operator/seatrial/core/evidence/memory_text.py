"""The text in which a memory is stored in `status.rollout.evidence`: versioned, compressed JSON in base64.

Floats keep every bit, so that a restarted operator continues with the same numbers. A text that cannot be read, or of
another version, is no memory: the step then collects its evidence anew.
"""

from __future__ import annotations

import base64
import functools
import json
import zlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from model_runtime.contract.metrics import LATENCY_BOUNDS
from seatrial.api.checks import OnNoData
from seatrial.core.evidence.checks import Check, Measure
from seatrial.core.evidence.counts import Counts, PairCounts
from seatrial.core.evidence.late_faults import LateFaultTest
from seatrial.core.evidence.memory import CheckMemory, Memory, Seen
from seatrial.core.evidence.rates import RateSequence, Sums

VERSION: Final = "v1:"
LARGEST: Final = 4_000_000
"""Bytes of JSON that are read: a text that was written by hand must not fill the memory."""


def encode(memory: Memory) -> str:
    """Return the text of a memory; the same memory always has the same text."""
    document = {
        "step": memory.step_started_at.isoformat(),
        "hold": memory.hold.total_seconds(),
        "alpha": memory.alpha,
        "checks": [_check_to_list(entry) for entry in memory.checks],
        "seen": {pod: _seen_to_list(seen) for pod, seen in sorted(memory.seen.items())},
    }
    packed = zlib.compress(json.dumps(document, separators=(",", ":")).encode(), 6)
    return VERSION + base64.b64encode(packed).decode()


def encode_within(memory: Memory, limit: int) -> str:
    """Return a text of at most `limit` characters, without the evidence of late faults if need be; or none."""
    text = encode(memory)
    if len(text) > limit:
        text = encode(memory.without_onsets())
    return text if len(text) <= limit else ""


def moved(text: str, start: datetime, moved_to: datetime) -> str:
    """Return the text of the step that began at `start`, which is another time now: a clock was set."""
    memory = decode(text)
    if memory is None or memory.step_started_at != start:
        return text
    return encode(replace(memory, step_started_at=moved_to))


@functools.lru_cache(maxsize=256)  # the rules of one pass ask for the same text several times
def decode(text: str) -> Memory | None:
    """Return the memory of a text; None when it is empty, damaged, or of another version."""
    if not text.startswith(VERSION):
        return None
    try:
        unpacker = zlib.decompressobj()
        document = json.loads(unpacker.decompress(base64.b64decode(text.removeprefix(VERSION)), LARGEST))
        return Memory(
            step_started_at=datetime.fromisoformat(document["step"]),
            hold=timedelta(seconds=document["hold"]),
            alpha=document["alpha"],
            checks=tuple(_check_from_list(entry) for entry in document["checks"]),
            seen={pod: _seen_from_list(entry) for pod, entry in document["seen"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, zlib.error, RecursionError):
        return None


def _check_to_list(entry: CheckMemory) -> list[Any]:
    check, test = entry.check, entry.test
    claim = [check.name, check.measure, check.limit, check.against_stable, check.latency, check.tolerance]
    verdict = [check.min_samples, check.dry_run, check.on_no_data, check.no_data_deadline.total_seconds()]
    sums = [[s.a, s.b, s.c, s.d] for s in test.sequence.sums]
    onsets = [[[s.a, s.b] for s in sums] for sums in test.sums_at_onset]
    block, total = _pair_to_list(test.sequence.block), _pair_to_list(test.sequence.total)
    return [claim, verdict, sums, block, total, test.onsets, onsets]


def _check_from_list(entry: list[Any]) -> CheckMemory:
    claim, verdict, sums, block, total, onsets, at_onset = entry
    name, measure, limit, against_stable, latency, tolerance = claim
    min_samples, dry_run, on_no_data, no_data_deadline = verdict
    if Measure(measure) is Measure.LATENCY and latency not in LATENCY_BOUNDS:
        raise ValueError(f"latencies are not counted by {latency} s any more")
    check = Check(
        name=name,
        measure=Measure(measure),
        limit=limit,
        against_stable=against_stable,
        latency=latency,
        tolerance=tolerance,
        min_samples=min_samples,
        dry_run=dry_run,
        on_no_data=OnNoData(on_no_data),
        no_data_deadline=timedelta(seconds=no_data_deadline),
    )
    sequence = RateSequence(
        factor=check.factor,
        sums=tuple(Sums(*s) for s in sums),
        block=_pair_from_list(block),
        total=_pair_from_list(total),
    )
    sums_at_onset = tuple(tuple(Sums(*s) for s in sums) for sums in at_onset)
    return CheckMemory(
        check=check, test=LateFaultTest(onsets=onsets, sequence=sequence, sums_at_onset=sums_at_onset)
    )


def _pair_to_list(pair: PairCounts) -> list[int]:
    return [pair.canary.bad, pair.canary.total, pair.stable.bad, pair.stable.total]


def _pair_from_list(numbers: list[int]) -> PairCounts:
    return PairCounts(canary=Counts(*numbers[:2]), stable=Counts(*numbers[2:]))


def _seen_to_list(seen: Seen) -> list[Any]:
    return [seen.started, [[counts.bad, counts.total] for counts in seen.counts]]


def _seen_from_list(entry: list[Any]) -> Seen:
    started, counts = entry
    return Seen(started=started, counts=tuple(Counts(*pair) for pair in counts))
