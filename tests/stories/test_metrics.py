"""The /metrics endpoint after a rollout: every documented metric, with exactly its labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from seatrial import wiring
from seatrial.api import phases, reasons
from tests.stories.specs import failing_builds, spec, spec_to_build, successful_builds
from tests.stories.world import World, run_story

OBJECT = ("namespace", "name")
LABELS = {
    "seatrial_phase": {*OBJECT, "phase"},
    "seatrial_canary_weight": {*OBJECT},
    "seatrial_condition": {*OBJECT, "type", "status"},
    "seatrial_rollouts": {*OBJECT, "outcome", "reason"},
    "seatrial_rollout_duration_seconds": set(),
    "seatrial_build_duration_seconds": {"outcome", "reason"},
    "seatrial_reconcile_duration_seconds": set(),
    "seatrial_reconcile": {"result"},
    "seatrial_api_writes": {"kind", "verb"},
    "seatrial_queue_depth": set(),
    "seatrial_queue_oldest_seconds": set(),
    "seatrial_watch_last_event_age_seconds": {"kind"},
    "seatrial_leader": set(),
}
BUCKET_LABELS = {"le"}


def _scrape(world: World) -> dict[str, Metric]:
    text = generate_latest(world.operator.telemetry.registry).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def _samples(family: Metric) -> Iterator[Sample]:
    return (sample for sample in family.samples if not sample.name.endswith("_created"))


def _by_outcome_and_reason(samples: Iterable[Sample], ending: str) -> dict[tuple[str, str], float]:
    matching = (s for s in samples if s.name.endswith(ending))
    return {(s.labels["outcome"], s.labels["reason"]): s.value for s in matching}


def test_every_metric_is_exposed_with_exactly_its_labels() -> None:
    async def story(world: World) -> None:
        wiring.register_gauges(world.operator)
        await world.deploy(spec_to_build("1"))
        await world.deploy(spec("v2"))
        scraped = _scrape(world)
        for name, labels in LABELS.items():
            label_sets = [set(sample.labels) - BUCKET_LABELS for sample in _samples(scraped[name])]
            assert label_sets, f"{name} was never observed"
            assert all(label_set == labels for label_set in label_sets), name

    run_story(story)


def test_successful_build_duration_is_recorded() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec_to_build("1"))
        await world.wait_until_idle()
        family = _scrape(world)["seatrial_build_duration_seconds"]
        assert _by_outcome_and_reason(family.samples, "_count") == {("Succeeded", ""): 1}
        assert _by_outcome_and_reason(family.samples, "_sum")["Succeeded", ""] > 0

    run_story(story)


def test_failed_build_duration_is_recorded_with_its_reason() -> None:
    async def story(world: World) -> None:
        await world.apply(spec_to_build("1"))
        await world.wait_for_phase("Failed")
        family = _scrape(world)["seatrial_build_duration_seconds"]
        assert _by_outcome_and_reason(family.samples, "_count") == {("Failed", "ModelLoadFailed"): 1}

    run_story(story, building=failing_builds("ModelLoadFailed"))


def test_metric_labels_come_from_closed_enumerations() -> None:
    async def story(world: World) -> None:
        await world.deploy(spec_to_build("1"))
        await world.deploy(spec_to_build("2"))
        ends = _by_outcome_and_reason(_scrape(world)["seatrial_build_duration_seconds"].samples, "_count")
        assert {outcome for outcome, _ in ends} <= set(phases.BuildPhase)
        assert {reason for _, reason in ends} <= {"", *reasons.Reason}

    run_story(story, building=successful_builds)
