"""Every reason is a CamelCase word with one class."""

import re
from collections.abc import Iterator

import pytest

from model_runtime import failures
from seatrial.api import phases, reasons, rollout_decision
from seatrial.api.reasons import Reason, ReasonClass


@pytest.mark.parametrize("reason", list(Reason))
def test_a_reason_is_camel_case_and_fits_into_a_condition(reason: Reason) -> None:
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
        pytest.param(Reason.RUNTIME_MISMATCH, ReasonClass.TRANSIENT, id="another runtime reads the model"),
        pytest.param(Reason.NAMESPACE_TERMINATING, ReasonClass.TRANSIENT, id="a namespace may come back"),
        pytest.param(Reason.API_FORBIDDEN, ReasonClass.TRANSIENT, id="a right may be granted"),
        pytest.param(Reason.API_UNAUTHORIZED, ReasonClass.TRANSIENT, id="a token may be renewed"),
        pytest.param(Reason.API_TOO_MANY_REQUESTS, ReasonClass.TRANSIENT, id="a server may be busy"),
        pytest.param(Reason.API_UNAVAILABLE, ReasonClass.TRANSIENT, id="a server may be down"),
        pytest.param(Reason.API_REFUSED, ReasonClass.TRANSIENT, id="an unknown rejection is retried"),
        pytest.param(Reason.CRASH_LOOP, ReasonClass.TERMINAL, id="a crash is the revision's own"),
        pytest.param(Reason.SOURCE_DIGEST_MISMATCH, ReasonClass.TERMINAL, id="the pin forbids the files"),
        pytest.param(Reason.ABORTED, ReasonClass.TERMINAL, id="a person aborted"),
        pytest.param(Reason.INVALID_SPEC, ReasonClass.SPEC, id="only its author can correct it"),
        pytest.param(Reason.NAME_CONFLICT, ReasonClass.SPEC, id="another owner of the name"),
        pytest.param(Reason.HEALTHY, ReasonClass.INFORMATION, id="good news"),
        pytest.param(Reason.SHIFTING, ReasonClass.INFORMATION, id="a phase"),
    ],
)
def test_the_class_of_a_reason(reason: Reason, expected: ReasonClass) -> None:
    assert reasons.class_of(reason) is expected


@pytest.mark.parametrize("phase", [p for p in phases.RolloutPhase if p not in ("Stable", "Rejected")])
def test_every_phase_in_progress_is_a_reason(phase: str) -> None:
    assert reasons.class_of(Reason(phase)) is ReasonClass.INFORMATION


@pytest.mark.parametrize("phase", list(rollout_decision.DecisionPhase))
def test_the_outcome_of_a_decision_has_a_reason(phase: rollout_decision.DecisionPhase) -> None:
    assert phase.reason is Reason(f"Decision{phase}")
    assert reasons.class_of(phase.reason) is ReasonClass.INFORMATION


def failing(kind: type[failures.BuildFailure]) -> Iterator[type[failures.BuildFailure]]:
    yield kind
    for child in kind.__subclasses__():
        yield from failing(child)


@pytest.mark.parametrize("kind", list(failing(failures.BuildFailure)), ids=lambda kind: kind.__name__)
def test_every_failure_of_a_build_is_a_reason(kind: type[failures.BuildFailure]) -> None:
    assert reasons.class_of(Reason(kind.reason)) in {ReasonClass.TRANSIENT, ReasonClass.TERMINAL}


@pytest.mark.parametrize("text", ["", "Whatever", "InvalidSpecs"])
def test_a_text_that_is_not_a_reason_is_not_of_the_spec_class(text: str) -> None:
    assert not reasons.needs_new_spec(text)


@pytest.mark.parametrize("reason", list(Reason))
def test_only_reasons_of_the_spec_class_wait_for_a_new_spec(reason: Reason) -> None:
    assert reasons.needs_new_spec(str(reason)) is (reasons.class_of(reason) is ReasonClass.SPEC)
