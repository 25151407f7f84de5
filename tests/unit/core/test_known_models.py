"""Which address and version a revision's model came from, as far as it is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seatrial.api.model import Model
from seatrial.api.phases import BuildPhase
from seatrial.api.reasons import Reason
from seatrial.core import builds, known_models
from seatrial.core.rollback import continue_rollback
from seatrial.core.state import Build
from seatrial.core.target import BuildTarget
from seatrial.core.transitions import Phase
from tests.builders import NEW, NEWER, NOW, OLD, image, rollout, seen, state

SOURCE = {"uri": "s3://models/churn/7/", "etag": "9f3c", "size": "4"}
BUILT = Build(id="b1", phase=BuildPhase.SUCCEEDED, image="r/m@sha256:1", source=SOURCE, finished_at=NOW)


@pytest.mark.parametrize(
    ("source", "version"),
    [
        pytest.param(
            {"etag": "9f3c", "version": "3Lg"}, "version 3Lg", id="a version id is more than an etag"
        ),
        pytest.param({"etag": "9f3c", "modified": "Mon"}, "etag 9f3c", id="an etag is more than a time"),
        pytest.param({"digest": "sha256:1"}, "digest sha256:1", id="an artifact"),
        pytest.param({"commit": "41b07c5"}, "commit 41b07c5", id="a commit"),
        pytest.param({"files": "3", "size": "12"}, "", id="a folder has no version"),
    ],
)
def test_the_most_exact_version_of_a_source_is_shown(source: dict[str, str], version: str) -> None:
    assert known_models.source_version_of(source) == version


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://jo:secret@host/m.skops?sig=secret", "https://host/m.skops"),
        ("https://jo:sec/ret@host/m", "https://…"),
        ("s3://bucket/a?b", "s3://bucket/a?b"),
        ("http://[::1/m.skops", "http://…"),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_its_secrets(uri: str, shown: str) -> None:
    assert known_models.source_uri_of({"uri": uri}) == shown


def test_an_image_that_was_built_knows_its_source_and_when_it_was_built() -> None:
    built = builds.result_of(BUILT).image
    assert built is not None
    assert (built.source_uri, built.source_version, built.built_at) == (SOURCE["uri"], "etag 9f3c", NOW)


def test_an_image_that_existed_already_does_not_know_when_it_was_built() -> None:
    cached = builds.result_of(replace(BUILT, phase=BuildPhase.CACHED)).image
    assert cached is not None
    assert cached.built_at is None


def test_a_rejection_after_a_failed_build_names_the_address_in_the_spec() -> None:
    model = Model.model_validate({"uri": "https://host/m.skops?sig=secret"})
    build = BuildTarget(build_id="b1", runtime="sklearn", runtimes={}, model=model)
    failed = rollout(Phase.ROLLING_BACK, reason=Reason.MODEL_LOAD_FAILED, step_started_at=NOW)
    before = replace(state(failed), canary=None)
    inputs = seen().stable().at(image="", build=build, build_id="b1")
    after_it = continue_rollback(before, failed, inputs)
    (rejection,), (entry,) = after_it.rejected, after_it.history
    assert (rejection.source_uri, entry.source_uri) == ("https://host/m.skops", "https://host/m.skops")


def test_nothing_is_said_of_a_revision_that_is_not_known() -> None:
    model = known_models.model_of(NEWER, state(rollout(Phase.BUILDING)), seen().stable().at())
    assert (model.revision, model.image, model.source_uri) == (NEWER, "", "")


def test_a_revision_that_is_not_the_canary_is_known_by_its_controller_revision() -> None:
    inputs = seen().stable().having(images={OLD: image(OLD)}).at()
    known = known_models.model_of(OLD, state(rollout(Phase.STARTING)), inputs)
    assert known.image == image(OLD).reference
    assert known_models.model_of(NEW, state(rollout(Phase.STARTING)), inputs).image == image(NEW).reference
