"""Every reason is one word, in one class."""

import re

import pytest

from seatrial.api import phases, reasons
from seatrial.api.reasons import Reason, ReasonClass


@pytest.mark.parametrize("reason", list(Reason))
def test_it_is_camel_case_and_fits_a_condition(reason: Reason) -> None:
    assert re.fullmatch(r"([A-Z][a-z]+)+", reason)
    assert len(reason) <= 63


def test_no_reason_is_in_two_classes() -> None:
    classes = [reasons.TRANSIENT, reasons.TERMINAL, reasons.SPEC]
    assert sum(map(len, classes)) == len(frozenset().union(*classes))


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        pytest.param(Reason.SOURCE_NOT_FOUND, ReasonClass.TRANSIENT, id="a missing source may appear"),
        pytest.param(Reason.REGISTRY_UNAUTHORIZED, ReasonClass.TRANSIENT, id="a Secret may be corrected"),
        pytest.param(Reason.CONTAINER_CONFIG_ERROR, ReasonClass.TRANSIENT, id="a ConfigMap may be created"),
        pytest.param(Reason.UNSCHEDULABLE, ReasonClass.TRANSIENT, id="a node may join"),
        pytest.param(Reason.BUILD_EVICTED, ReasonClass.TRANSIENT, id="a node was drained"),
        pytest.param(Reason.CRASH_LOOP, ReasonClass.TERMINAL, id="a crash is the revision's own"),
        pytest.param(Reason.SOURCE_DIGEST_MISMATCH, ReasonClass.TERMINAL, id="the pin forbids the files"),
        pytest.param(Reason.ABORTED, ReasonClass.TERMINAL, id="a person said no"),
        pytest.param(Reason.INVALID_SPEC, ReasonClass.SPEC, id="only its author can mend it"),
        pytest.param(Reason.NAME_CONFLICT, ReasonClass.SPEC, id="another owns the name"),
        pytest.param(Reason.HEALTHY, ReasonClass.INFORMATION, id="good news"),
        pytest.param(Reason.SHIFTING, ReasonClass.INFORMATION, id="on its way"),
    ],
)
def test_class(reason: Reason, expected: ReasonClass) -> None:
    assert reasons.class_of(reason) is expected


@pytest.mark.parametrize("phase", [p for p in phases.RolloutPhase if p not in ("Stable", "Rejected")])
def test_a_rollout_on_its_way_has_the_reason_of_its_phase(phase: str) -> None:
    assert reasons.class_of(Reason(phase)) is ReasonClass.INFORMATION
