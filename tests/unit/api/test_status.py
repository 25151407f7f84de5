"""Any stored status is parsed, and a written status is within the limits of the CRD."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from seatrial.api import phases, status_fields
from seatrial.api.conditions import ConditionType
from seatrial.api.reasons import Reason
from seatrial.api.status import (
    BuildStatus,
    Rejected,
    RolloutStatus,
    Status,
    Summary,
    TrackStatus,
    parse_status,
)
from tests.unit.api.statuses import FULL, NOON

NOON_TEXT = "2026-11-21T12:00:00Z"


def test_a_status_can_be_serialized_and_parsed_again() -> None:
    assert parse_status(FULL.to_dict()) == FULL


def test_a_status_is_serialized_with_the_names_of_the_api() -> None:
    raw = FULL.to_dict()
    assert raw["observedGeneration"] == 7
    assert raw["nextTransitionTime"] == NOON_TEXT
    assert raw["canary"]["failure"] == {
        "reason": "CrashLoop",
        "message": "m",
        "pod": "p",
        "exitCode": 1,
        "restarts": 3,
    }
    assert raw["rollout"]["stepStartedAt"] == NOON_TEXT
    assert raw["rollout"]["targetRevision"] == "9f3c2a71d0"
    assert raw["rollout"]["waitingFor"] == "Capacity"
    assert raw["rollout"]["fastTrack"] is False
    assert raw["rejected"][0] == {
        "revision": "aaaaaaaaaa",
        "reason": "Aborted",
        "at": NOON_TEXT,
        "attempt": 1,
        "decidedBy": "jo",
    }


def test_empty_fields_are_omitted_and_zero_is_kept() -> None:
    raw = Status(stable=TrackStatus(revision="a"), summary=Summary()).to_dict()
    assert raw == {
        "observedGeneration": 0,
        "stable": {"revision": "a", "replicas": 0, "readyReplicas": 0, "weight": 0},
        "replicas": 0,
        "readyReplicas": 0,
    }


@pytest.mark.parametrize("raw", [None, {}, [], "x", 7])
def test_a_status_that_is_absent_or_not_an_object_is_empty(raw: Any) -> None:
    assert parse_status(raw) == Status()


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        pytest.param(
            {"phase": "not a word"}, FULL.model_copy(update={"phase": None}), id="a phase that no version has"
        ),
        pytest.param({"later": {"a": 1}}, FULL, id="a newer version's field"),
        pytest.param({"replicas": "5"}, FULL.model_copy(update={"replicas": 0}), id="a text for a number"),
        pytest.param(
            {"nextTransitionTime": "soon"},
            FULL.model_copy(update={"next_transition_time": None}),
            id="no time",
        ),
        pytest.param({"conditions": "none"}, FULL.model_copy(update={"conditions": ()}), id="no list"),
        pytest.param(
            {"conditions": [{"type": 7, "status": "True"}]},
            FULL.model_copy(update={"conditions": ()}),
            id="no type",
        ),
        pytest.param(
            {"rollout": {"revision": "a", "phase": 7}},
            FULL.model_copy(update={"rollout": None}),
            id="no phase",
        ),
        pytest.param(
            {"stable": {"image": "i"}},
            FULL.model_copy(update={"stable": None}),
            id="a track without a revision",
        ),
        pytest.param(
            {"rollout": {"revision": "a"}},
            FULL.model_copy(update={"rollout": None}),
            id="a rollout without a phase",
        ),
        pytest.param({"build": 7}, FULL.model_copy(update={"build": None}), id="no build"),
    ],
)
def test_only_the_malformed_part_is_dropped(damage: dict[str, Any], expected: Status) -> None:
    assert parse_status({**FULL.to_dict(), **damage}) == expected


def test_an_unknown_reason_of_a_failed_build_is_treated_as_transient() -> None:
    build = {"id": "0123456789", "phase": "Failed", "reason": "FromTheFuture", "message": "m"}
    rollout = {"revision": "a", "phase": "RollingBack", "reason": "FromTheFuture", "message": "m"}
    result = parse_status({"build": build, "rollout": rollout})
    assert result.build is not None
    assert result.rollout is not None
    assert (result.build.reason, result.build.message) == (Reason.BUILD_EVICTED, "m")
    assert (result.rollout.reason, result.rollout.message) == ("", "m")


@pytest.mark.parametrize("reason", ["", *Reason])
def test_every_known_reason_is_kept(reason: str) -> None:
    build = {"id": "0123456789", "phase": "Failed", "reason": reason}
    rollout = {"revision": "a", "phase": "RollingBack", "reason": reason}
    result = parse_status({"build": build, "rollout": rollout})
    assert result.build is not None
    assert result.rollout is not None
    assert (result.build.reason, result.rollout.reason) == (reason, reason)


def test_a_malformed_list_entry_is_dropped_alone() -> None:
    entries = [{"revision": "a"}, 7, {"reason": "x"}, None, {"revision": "b", "at": "?"}, {"revision": "c"}]
    assert [entry.revision for entry in parse_status({"rejected": entries}).rejected] == ["a", "b", "c"]


def test_parsing_does_not_modify_its_input() -> None:
    raw = {"rejected": [{"revision": "a"}, 7]}
    parse_status(raw)
    assert raw == {"rejected": [{"revision": "a"}, 7]}


def test_long_messages_are_truncated() -> None:
    result = Status(message="m" * 5000).message
    assert len(result) == status_fields.SENTENCE
    assert result.endswith("…")


def test_the_end_of_a_long_log_is_kept() -> None:
    result = BuildStatus(id="a", phase=phases.BuildPhase.FAILED, log_tail="x" * 9000 + "the error").log_tail
    assert len(result) == status_fields.LOG
    assert result.startswith("…")
    assert result.endswith("the error")


def test_only_the_newest_rejected_revisions_are_kept() -> None:
    entries = tuple(Rejected(revision=str(n)) for n in range(50))
    assert [entry.revision for entry in Status(rejected=entries).rejected] == [
        str(n) for n in range(status_fields.MAX_ENTRIES)
    ]


def test_only_the_newest_decisions_are_kept() -> None:
    uids = tuple(str(n) for n in range(100))
    result = RolloutStatus(revision="a", phase=phases.RolloutPhase.STABLE, decisions=uids).decisions
    assert result == uids[-status_fields.MAX_DECISIONS :]


def test_times_are_converted_to_utc_and_whole_seconds() -> None:
    elsewhere = datetime(2026, 11, 21, 13, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=1)))
    assert Status(next_transition_time=elsewhere) == Status(next_transition_time=NOON)


@pytest.mark.parametrize(
    ("time", "text"),
    [
        pytest.param(datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z", id="year 1"),
        pytest.param(datetime(2026, 11, 21, 12, 0, 0, 999_999, tzinfo=UTC), NOON_TEXT, id="whole seconds"),
        pytest.param(
            datetime(2026, 11, 21, 14, tzinfo=timezone(timedelta(hours=2))),
            NOON_TEXT,
            id="another time zone",
        ),
    ],
)
def test_a_time_is_serialized_as_kubernetes_does(time: datetime, text: str) -> None:
    assert status_fields.format_time(time) == text
    assert Status.model_validate({"nextTransitionTime": text}).to_dict()["nextTransitionTime"] == text


def test_a_naive_time_is_rejected() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        Status(next_transition_time=NOON.replace(tzinfo=None))


def test_a_condition_is_found_by_its_type() -> None:
    assert FULL.condition(ConditionType.READY) == FULL.conditions[0]
    assert FULL.condition(ConditionType.STALLED) is None


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(NOON_TEXT),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["revision", "phase", "type", "at", "a"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@settings(deadline=None)  # on a busy machine
@given(st.dictionaries(st.sampled_from(sorted(FULL.to_dict())), VALUES))
def test_any_damage_leaves_a_status_that_can_be_stored_again(damage: dict[str, Any]) -> None:
    result = parse_status({**FULL.to_dict(), **damage})
    assert parse_status(result.to_dict()).to_dict() == result.to_dict()
    untouched = FULL.to_dict().keys() - damage.keys()
    assert {key: result.to_dict().get(key) for key in untouched} == {
        key: FULL.to_dict()[key] for key in untouched
    }
