"""The status of an object whose spec cannot be read: what was known stays, and it says what is wrong."""

from __future__ import annotations

from datetime import datetime

from seatrial.api import conditions, phases, reasons
from seatrial.api import status as api
from seatrial.core.memory import changed
from seatrial.manifests.metadata import Body

Kind = conditions.ConditionType


def refused(body: Body, sentence: str, *, now: datetime) -> Body:
    """The status with `sentence`; memory and tracks are kept, so that a mended spec goes on from there."""
    before = api.parse_status(body.get("status"))
    generation = int(body["metadata"].get("generation", 0))
    phase = phases.DisplayPhase.DEGRADED if before.stable else phases.DisplayPhase.FAILED
    told = {Kind.READY: False, Kind.RECONCILING: False, Kind.STALLED: True}
    kept = tuple(c for c in before.conditions if c.type not in told)
    said = tuple(
        _condition(before, kind, holds, sentence=sentence, generation=generation, now=now)
        for kind, holds in told.items()
    )
    status = changed(
        before,
        observed_generation=generation,
        phase=phase,
        message=f"the spec is refused: {sentence}",
        next_transition_time=None,
        conditions=(*said, *kept),
    )
    return status.to_dict()


def _condition(
    before: api.Status,
    kind: Kind,
    holds: bool,
    *,
    sentence: str,
    generation: int,
    now: datetime,
) -> conditions.Condition:
    word = conditions.ConditionStatus.TRUE if holds else conditions.ConditionStatus.FALSE
    known = before.condition(kind)
    since = known.last_transition_time if known is not None and known.status is word else now
    return conditions.Condition(
        type=kind,
        status=word,
        reason=reasons.Reason.INVALID_SPEC,
        message=sentence,
        observed_generation=generation,
        last_transition_time=since,
    )
