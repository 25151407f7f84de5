"""The history names the model: its address, version, digest, build and promotion, also after the status was lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from seatrial.api import kinds, names
from seatrial.api.objects import Body
from tests.apiserver.pod_behaviour import Behaviour, BuildBehaviour, Fault
from tests.stories.specs import build_request_of, failing_builds, spec_to_build, successful_report
from tests.stories.world import World, run_story

IDENTITY = ("revision", "image", "modelDigest", "sourceUri", "sourceVersion", "builtAt")


def digest_of(version: str) -> str:
    """Return the digest of a version's files; versions 1 and 2 begin with different digits."""
    return f"sha256:{version * 64}"


def versioned_builds(pod: Body) -> BuildBehaviour:
    """Let every build report what its source resolved to; an address with a query carries a signature."""
    uri = build_request_of(pod).uri
    version = uri.rstrip("/").rpartition("/")[2][0]
    source = {"uri": uri, "etag": f"etag{version}", "size": "4"}
    report = replace(successful_report(pod), model_digest=digest_of(version), source=source)
    return BuildBehaviour(seconds=3, message=report.to_json())


def identity_of(part: Body) -> Body:
    """Return the fields that name the model."""
    return {field: part.get(field) for field in IDENTITY}


async def annotations_of(world: World, revision: str) -> dict[str, Any]:
    """Return what the ControllerRevision of a revision says of its model."""
    body = await world.get(kinds.CONTROLLER_REVISION, f"churn-{revision}")
    annotations = body["metadata"]["annotations"]
    known = ("source", "source-version", "model-digest", "built-at", "promoted-at")
    return {name: annotations.get(f"{names.GROUP}/{name}") for name in known}


async def _two_versions(world: World) -> tuple[str, str]:
    """Build and promote versions 1 and 2; return both revisions."""
    await world.install_decision_policy()
    first = (await world.deploy(spec_to_build("1")))["stable"]["revision"]
    second = (await world.deploy(spec_to_build("2")))["stable"]["revision"]
    await world.wait_until_idle()
    return first, second


def test_stable_canary_and_history_name_the_model() -> None:
    async def story(world: World) -> None:
        stable = (await world.deploy(spec_to_build("1")))["stable"]
        assert stable["sourceUri"] == "s3://models/churn/1/"
        assert (stable["sourceVersion"], stable["modelDigest"]) == ("etag etag1", digest_of("1"))
        assert stable["builtAt"] < stable["since"]
        canary = (await world.start_canary(spec_to_build("2")))["canary"]
        assert (canary["sourceUri"], canary["sourceVersion"]) == ("s3://models/churn/2/", "etag etag2")
        promoted = await world.wait_for_promotion(canary["revision"])
        assert identity_of(promoted["stable"]) == identity_of(canary)
        assert list(map(identity_of, promoted["history"])) == [identity_of(canary), identity_of(stable)]
        assert promoted["history"][0]["finishedAt"] == promoted["stable"]["since"]

    run_story(story, building=versioned_builds)


def test_controller_revisions_name_the_model_and_when_it_was_promoted() -> None:
    async def story(world: World) -> None:
        first, second = await _two_versions(world)
        promoted = {h["revision"]: h["finishedAt"] for h in (await world.status())["history"]}
        for revision, version in ((first, "1"), (second, "2")):
            annotations = await annotations_of(world, revision)
            assert annotations.pop("built-at") is not None
            assert annotations == {
                "source": f"s3://models/churn/{version}/",
                "source-version": f"etag etag{version}",
                "model-digest": digest_of(version),
                "promoted-at": promoted[revision],
            }

    run_story(story, building=versioned_builds)


def test_a_lost_status_loses_neither_source_nor_promotion_times() -> None:
    async def story(world: World) -> None:
        await _two_versions(world)
        before = await world.status()
        await world.clear_status()
        after = await world.wait_for_phase("Healthy", seconds=30)
        assert identity_of(after["stable"]) == identity_of(before["stable"])
        assert after["stable"]["since"] == before["stable"]["since"]
        told = [(*identity_of(h).values(), h["finishedAt"]) for h in after["history"]]
        assert told == [(*identity_of(h).values(), h["finishedAt"]) for h in before["history"]]

    run_story(story, building=versioned_builds)


def test_a_rejection_names_time_and_source() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec_to_build("1"))
        await world.apply(spec_to_build("2"))
        (rejected,) = (await world.wait_for_phase("Rejected"))["rejected"]
        assert (rejected["sourceUri"], rejected["sourceVersion"]) == ("s3://models/churn/2/", "etag etag2")
        assert rejected["modelDigest"] == digest_of("2")
        assert rejected["at"] > rejected["builtAt"]

    def second_crashes(pod: Body) -> Behaviour:
        first = pod["metadata"]["labels"][names.LABEL_REVISION]
        return Behaviour() if first in served else Behaviour(fault=Fault.CRASH_LOOP)

    served: set[str] = set()

    async def with_first(world: World) -> None:
        world.cluster.kubelet.serving = lambda pod: (
            (served.add(pod["metadata"]["labels"][names.LABEL_REVISION]) if not served else None)
            or second_crashes(pod)
        )
        await story(world)

    run_story(with_first, building=versioned_builds)


def test_a_rejection_after_a_failed_build_names_the_source_without_its_secrets() -> None:
    async def story(world: World) -> None:
        spec = spec_to_build("1")
        await world.apply({**spec, "model": {"uri": "https://models.shop/churn.skops?signature=secret"}})
        (rejected,) = (await world.wait_for_phase("Failed"))["rejected"]
        assert rejected["sourceUri"] == "https://models.shop/churn.skops"

    run_story(story, building=failing_builds("ModelLoadFailed"))


def test_a_source_that_reports_its_secrets_is_stored_without_them() -> None:
    async def story(world: World) -> None:
        spec = spec_to_build("1")
        uri = "https://models.shop/1/churn.skops?signature=secret"
        status = await world.deploy({**spec, "model": {"uri": uri}})
        assert status["stable"]["sourceUri"] == "https://models.shop/1/churn.skops"
        annotations = await annotations_of(world, status["stable"]["revision"])
        assert annotations["source"] == "https://models.shop/1/churn.skops"

    def reports(pod: Body) -> BuildBehaviour:
        source = {"uri": build_request_of(pod).uri}
        return BuildBehaviour(seconds=3, message=replace(successful_report(pod), source=source).to_json())

    run_story(story, building=reports)


@pytest.mark.parametrize("wanted", ["previous", "111111", digest_of("1")])
def test_rollback_by_digest_or_to_previous_returns_to_the_model_that_is_meant(wanted: str) -> None:
    async def story(world: World) -> None:
        first, second = await _two_versions(world)
        answer = await world.wait_for_result(
            await world.decide("Rollback", revision=second, toRevision=wanted)
        )
        assert (answer["phase"], first in answer["message"]) == ("Taken", True)
        status = await world.wait_until(lambda s: s["stable"]["revision"] == first, seconds=30)
        assert status["rejected"][0]["sourceUri"] == "s3://models/churn/2/"

    run_story(story, building=versioned_builds)


def test_the_revision_that_serves_has_the_highest_number_after_a_rollback() -> None:
    async def story(world: World) -> None:
        first, second = await _two_versions(world)
        assert await numbers_of(world, first, second) == (1, 2)
        await world.decide("Rollback", revision=second, toRevision="previous")
        await world.wait_until(lambda s: s["stable"]["revision"] == first, seconds=30)
        await world.wait_until_idle()
        assert await numbers_of(world, first, second) == (3, 2)

    run_story(story, building=versioned_builds)


async def numbers_of(world: World, *revisions: str) -> tuple[int, ...]:
    """Return the numbers of ControllerRevisions, as `kubectl get` shows them."""
    bodies = [await world.get(kinds.CONTROLLER_REVISION, f"churn-{revision}") for revision in revisions]
    return tuple(body["revision"] for body in bodies)


def test_a_first_deployment_costs_no_write_for_its_history() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec_to_build("1"))
        await world.wait_until_idle()
        marked = [w for w in world.server.writes if w.kind == "ControllerRevision"]
        assert len(marked) == 1

    run_story(story, building=versioned_builds)


def test_an_ambiguous_digest_is_refused_with_what_it_means() -> None:
    async def story(world: World) -> None:
        await world.install_decision_policy()
        revisions = []
        for value in ("a", "b", "c"):
            spec = spec_to_build("1", env=[{"name": "MODE", "value": value}])
            revisions.append((await world.deploy(spec))["stable"]["revision"])
        decision = await world.decide("Rollback", revision=revisions[2], toRevision="111111")
        answer = await world.wait_for_result(decision)
        assert answer["phase"] == "Refused"
        assert all(revision in answer["message"] for revision in revisions[:2])
        assert answer["message"].count("s3://models/churn/1/") == 2

    run_story(story, building=versioned_builds)
