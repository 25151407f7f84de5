"""A status is read whatever was stored, and written within the server's limits."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
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
from seatrial.core.state import changed
from tests.unit.api.statuses import FULL, NOON

SAID = "2026-11-21T12:00:00Z"


def test_written_and_read_again() -> None:
    assert parse_status(FULL.to_dict()) == FULL


def test_the_words_are_those_of_the_api() -> None:
    raw = FULL.to_dict()
    assert raw["observedGeneration"] == 7
    assert raw["nextTransitionTime"] == SAID
    assert raw["canary"]["failure"] == {
        "reason": "CrashLoop",
        "message": "m",
        "pod": "p",
        "exitCode": 1,
        "restarts": 3,
    }
    assert raw["rollout"]["stepStartedAt"] == SAID
    assert raw["rollout"]["targetRevision"] == "9f3c2a71d0"
    assert raw["rollout"]["waitingFor"] == "Capacity"
    assert raw["rollout"]["fastTrack"] is False
    assert raw["rejected"][0] == {
        "revision": "aaaaaaaaaa",
        "reason": "Aborted",
        "at": SAID,
        "attempt": 1,
        "decidedBy": "jo",
    }


def test_absent_and_empty_are_left_out_zero_and_false_are_said() -> None:
    raw = Status(stable=TrackStatus(revision="a"), summary=Summary()).to_dict()
    assert raw == {
        "observedGeneration": 0,
        "stable": {"revision": "a", "replicas": 0, "readyReplicas": 0, "weight": 0},
        "replicas": 0,
        "readyReplicas": 0,
    }


@pytest.mark.parametrize("raw", [None, {}, [], "x", 7])
def test_nothing_stored_is_nothing_said(raw: Any) -> None:
    assert parse_status(raw) == Status()


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        pytest.param({"phase": "not a word"}, changed(FULL, phase=None), id="a phase that no version has"),
        pytest.param({"later": {"a": 1}}, FULL, id="a newer version's field"),
        pytest.param({"replicas": "5"}, changed(FULL, replicas=0), id="a text for a number"),
        pytest.param({"nextTransitionTime": "soon"}, changed(FULL, next_transition_time=None), id="no time"),
        pytest.param({"conditions": "none"}, changed(FULL, conditions=()), id="no list"),
        pytest.param(
            {"conditions": [{"type": 7, "status": "True"}]}, changed(FULL, conditions=()), id="no type"
        ),
        pytest.param({"rollout": {"revision": "a", "phase": 7}}, changed(FULL, rollout=None), id="no phase"),
        pytest.param({"stable": {"image": "i"}}, changed(FULL, stable=None), id="a track without a revision"),
        pytest.param(
            {"rollout": {"revision": "a"}}, changed(FULL, rollout=None), id="a rollout without a phase"
        ),
        pytest.param({"build": 7}, changed(FULL, build=None), id="no build"),
    ],
)
def test_only_the_malformed_piece_is_dropped(damage: dict[str, Any], expected: Status) -> None:
    assert parse_status({**FULL.to_dict(), **damage}) == expected


def test_a_reason_of_a_newer_version_is_tried_again_and_not_stumbled_over() -> None:
    build = {"id": "0123456789", "phase": "Failed", "reason": "FromTheFuture", "message": "m"}
    rollout = {"revision": "a", "phase": "RollingBack", "reason": "FromTheFuture", "message": "m"}
    found = parse_status({"build": build, "rollout": rollout})
    assert found.build is not None
    assert found.rollout is not None
    assert (found.build.reason, found.build.message) == (Reason.BUILD_EVICTED, "m")
    assert (found.rollout.reason, found.rollout.message) == ("", "m")


@pytest.mark.parametrize("reason", ["", *Reason])
def test_every_reason_that_is_known_is_kept(reason: str) -> None:
    build = {"id": "0123456789", "phase": "Failed", "reason": reason}
    rollout = {"revision": "a", "phase": "RollingBack", "reason": reason}
    found = parse_status({"build": build, "rollout": rollout})
    assert found.build is not None
    assert found.rollout is not None
    assert (found.build.reason, found.rollout.reason) == (reason, reason)


def test_a_malformed_entry_takes_none_of_its_neighbours_along() -> None:
    entries = [{"revision": "a"}, 7, {"reason": "x"}, None, {"revision": "b", "at": "?"}, {"revision": "c"}]
    assert [entry.revision for entry in parse_status({"rejected": entries}).rejected] == ["a", "b", "c"]


def test_what_was_stored_is_not_changed_by_reading() -> None:
    raw = {"rejected": [{"revision": "a"}, 7]}
    parse_status(raw)
    assert raw == {"rejected": [{"revision": "a"}, 7]}


def test_long_texts_are_cut_and_show_it() -> None:
    found = Status(message="m" * 5000).message
    assert len(found) == status_fields.SENTENCE
    assert found.endswith("…")


def test_of_a_log_the_end_is_kept() -> None:
    found = BuildStatus(id="a", phase=phases.BuildPhase.FAILED, log_tail="x" * 9000 + "the error").log_tail
    assert len(found) == status_fields.LOG
    assert found.startswith("…")
    assert found.endswith("the error")


def test_old_entries_are_dropped() -> None:
    entries = tuple(Rejected(revision=str(n)) for n in range(50))
    assert [entry.revision for entry in Status(rejected=entries).rejected] == [
        str(n) for n in range(status_fields.FEW)
    ]


def test_of_decisions_the_newest_are_kept() -> None:
    uids = tuple(str(n) for n in range(100))
    found = RolloutStatus(revision="a", phase=phases.RolloutPhase.STABLE, decisions=uids).decisions
    assert found == uids[-status_fields.DECISIONS :]


def test_times_are_in_utc_and_whole_seconds() -> None:
    elsewhere = datetime(2026, 11, 21, 13, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=1)))
    assert Status(next_transition_time=elsewhere) == Status(next_transition_time=NOON)


@pytest.mark.parametrize(
    ("time", "text"),
    [
        pytest.param(datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z", id="four digits of a year"),
        pytest.param(datetime(2026, 11, 21, 12, 0, 0, 999_999, tzinfo=UTC), SAID, id="whole seconds"),
        pytest.param(
            datetime(2026, 11, 21, 14, tzinfo=timezone(timedelta(hours=2))), SAID, id="said in UTC wherever"
        ),
    ],
)
def test_a_time_is_written_as_kubernetes_writes_it(time: datetime, text: str) -> None:
    assert status_fields.format_time(time) == text
    assert Status.model_validate({"nextTransitionTime": text}).to_dict()["nextTransitionTime"] == text


def test_a_time_without_a_zone_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        Status(next_transition_time=NOON.replace(tzinfo=None))


def test_a_condition_by_its_type() -> None:
    assert FULL.condition(ConditionType.READY) == FULL.conditions[0]
    assert FULL.condition(ConditionType.STALLED) is None


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(SAID),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["revision", "phase", "type", "at", "a"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(sorted(FULL.to_dict())), VALUES))
def test_whatever_is_stored_is_read_and_can_be_stored_again(damage: dict[str, Any]) -> None:
    found = parse_status({**FULL.to_dict(), **damage})
    assert parse_status(found.to_dict()).to_dict() == found.to_dict()
    untouched = FULL.to_dict().keys() - damage.keys()
    assert {key: found.to_dict().get(key) for key in untouched} == {
        key: FULL.to_dict()[key] for key in untouched
    }
