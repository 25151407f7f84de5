"""Accessors of Kubernetes objects tolerate absent parts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from seatrial.api import objects

OWNER = {"kind": "ModelDeployment", "name": "churn", "controller": True}
READY = {"type": "Ready", "status": "True"}
DEPLOYMENT: objects.Body = {
    "metadata": {
        "namespace": "shop",
        "name": "churn",
        "uid": "u",
        "resourceVersion": "7",
        "labels": {"team": "ml"},
        "ownerReferences": [{"kind": "Other"}, OWNER],
        "managedFields": [{"manager": "kubectl"}],
    },
    "status": {"conditions": [READY, {"type": "Stalled", "status": "False"}]},
}


def test_the_parts_of_an_object_are_returned() -> None:
    assert objects.key_of(DEPLOYMENT) == ("shop", "churn")
    assert (objects.uid_of(DEPLOYMENT), objects.version_of(DEPLOYMENT)) == ("u", "7")
    assert objects.labels_of(DEPLOYMENT) == {"team": "ml"}
    assert (objects.label_of(DEPLOYMENT, "team"), objects.label_of(DEPLOYMENT, "tier")) == ("ml", "")
    assert objects.controller_of(DEPLOYMENT) == OWNER
    assert objects.condition_of(DEPLOYMENT, "Ready") == READY


@pytest.mark.parametrize("body", [{}, {"metadata": {}}, {"metadata": None, "status": None}])
def test_absent_parts_are_empty(body: objects.Body) -> None:
    assert objects.key_of(body) == ("", "")
    assert (objects.uid_of(body), objects.version_of(body), objects.label_of(body, "team")) == ("", "", "")
    assert (objects.labels_of(body), objects.controller_of(body)) == ({}, None)
    assert objects.condition_of(body, "Ready") == {}


@pytest.mark.parametrize(
    ("condition_type", "expected"), [("Ready", True), ("Stalled", False), ("Absent", False)]
)
def test_only_a_condition_with_status_true_is_true(condition_type: str, expected: bool) -> None:
    assert objects.is_condition_true(DEPLOYMENT, condition_type) is expected


def test_managed_fields_are_removed_from_a_copy() -> None:
    assert "managedFields" not in objects.without_managed_fields(DEPLOYMENT)["metadata"]
    assert "managedFields" in DEPLOYMENT["metadata"]
    bare: objects.Body = {"metadata": {"name": "churn"}}
    assert objects.without_managed_fields(bare) is bare


def test_of_the_managed_fields_only_who_scaled_is_kept() -> None:
    entries = [{"manager": "kubectl"}, {"manager": "autoscaler", "subresource": "scale"}]
    kept = objects.without_managed_fields({"metadata": {"name": "churn", "managedFields": entries}})
    assert kept["metadata"]["managedFields"] == entries[1:]
    assert objects.scaled_by(kept) == "autoscaler"
    assert objects.scaled_by(DEPLOYMENT) == ""


@pytest.mark.parametrize(
    ("version", "than", "expected"),
    [
        ("10", "9", True),
        ("9", "10", False),
        ("9", "9", False),
        pytest.param("b", "a", True, id="not numbers, different"),
        pytest.param("a", "a", False, id="not numbers, equal"),
        pytest.param("7", "", True, id="a version after none"),
    ],
)
def test_resource_versions_are_compared_as_numbers(version: str, than: str, expected: bool) -> None:
    assert objects.is_newer(version, than) is expected


def test_a_time_of_the_api_server_is_parsed_as_utc() -> None:
    assert objects.parse_time("2026-11-21T10:00:00Z") == datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert objects.parse_time(None) is None
    assert objects.parse_time("") is None
