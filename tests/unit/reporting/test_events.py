"""Events that are announced once, and those that are not announced at all."""

from __future__ import annotations

from seatrial.api import conditions as api
from seatrial.api.reasons import Reason
from seatrial.api.status import Status
from seatrial.reporting.events import events_of
from tests.builders import seen
from tests.unit.reporting import situations as given
from tests.unit.reporting.turns import SERVED, invalid


def test_an_invalid_spec_is_announced_once_a_generation() -> None:
    stalled = api.Condition(
        type=api.ConditionType.STALLED,
        status=api.ConditionStatus.TRUE,
        reason=Reason.INVALID_SPEC,
        observed_generation=1,
    )
    assert events_of(invalid(), Status(conditions=(stalled,))) == ()


def test_missing_references_are_announced_once() -> None:
    decision = given.resting(seen().stable().having(missing=(given.CONFIG_MAP,)))
    assert events_of(decision, Status(missing_references=(str(given.CONFIG_MAP),))) == ()


def test_nothing_is_announced_when_nothing_changes() -> None:
    assert events_of(given.shift(), SERVED) == ()
