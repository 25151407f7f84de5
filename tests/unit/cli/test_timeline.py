"""The text of a plan: what happens when, with how many pods, and with which warnings."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.simulation.timeline import TimelineEntry, timeline_of
from tests.golden import pods
from tests.golden.play import START, V1, V2, Play, simulation
from tests.unit.cli.commands import NOW, model_deployment, output_of, plan_arguments, write_file

ENTRY = re.compile(r"^(\+\S+) +(\S+)  (\w+(?: \d+/\d+)?) +(.*); (\d+) pods?$", re.MULTILINE)
STEPS = [{"weight": 20, "hold": "2m"}, {"weight": 50, "hold": "5m"}]


def update(replicas: int = 3, **spec: object) -> Play:
    """Return a cluster with a stable revision, to which another image has just been applied."""
    fields = {"scaling": {"replicas": replicas}, "rollout": {"steps": STEPS}, **spec}
    return Play().apply(model={"image": V1}, **fields).rest().apply(model={"image": V2})


def plan_of(folder: Path, play: Play) -> str:
    return output_of(*plan_arguments(folder, play.story()))


def warnings_in(text: str) -> list[str]:
    return [line.removeprefix("Warning: ") for line in text.splitlines() if line.startswith("Warning: ")]


def test_a_rollout_is_shown_step_by_step_with_the_pods_of_each_weight(tmp_path: Path) -> None:
    entries = ENTRY.findall(plan_of(tmp_path, update()))
    tracks = [re.sub(r"[0-9a-f]{10} ", "", entry[3]) for entry in entries]
    assert [(entry[0], entry[2], track, entry[4]) for entry, track in zip(entries, tracks, strict=True)] == [
        ("+0s", "Canary 0/2", "stable 100 % on 3 pods, canary 0 % on 0 of 1 pod", "4"),
        ("+15s", "Canary 1/2", "stable 80 % on 3 pods, canary 20 % on 1 pod", "4"),
        ("+2m15s", "Canary 2/2", "stable 80 % on 3 pods, canary 20 % on 1 of 3 pods", "6"),
        ("+2m30s", "Canary 2/2", "stable 50 % on 3 pods, canary 50 % on 3 pods", "6"),
        ("+7m30s", "Healthy", "stable 100 % on 3 pods", "6"),
        ("+8m", "Healthy", "stable 100 % on 3 pods", "3"),
    ]


def test_the_summary_has_steps_duration_and_peak(tmp_path: Path) -> None:
    text = plan_of(tmp_path, update())
    assert "\n2 steps, at least 8m, 6 pods at the peak\nends Healthy\n" in text


def test_singular_and_plural_are_used_correctly(tmp_path: Path) -> None:
    steps = {"steps": [{"weight": 50, "hold": "1m"}]}
    text = plan_of(tmp_path, update(1, rollout=steps))
    assert "\n1 step, at least 1m45s, 2 pods at the peak\n" in text
    assert "stable 100 % on 1 pod; 1 pod\n" in re.sub(r"[0-9a-f]{10} ", "", text)


@pytest.mark.parametrize(
    ("ready", "build", "sentence"),
    [
        (["--ready-after", "90s"], [], "pods are ready after 1m30s, builds take 1m,"),
        ([], ["--build-seconds", "0"], "pods are ready after 15s, builds take 0s,"),
    ],
)
def test_the_assumed_durations_are_shown(
    tmp_path: Path, ready: list[str], build: list[str], sentence: str
) -> None:
    path = write_file(tmp_path, model_deployment())
    text = output_of("plan", "-f", path, "--now", NOW, *ready, *build)
    assert f"Assumed: {sentence} the load is constant" in text


def test_a_weight_that_the_pods_cannot_meet_is_one_warning(tmp_path: Path) -> None:
    assert warnings_in(plan_of(tmp_path, update())) == [
        "a weight of 20 % gives the canary 25 % of traffic, its share of the ready pods; more replicas come closer"
    ]


def test_a_weight_that_the_pods_exceed_by_far_is_a_warning_with_its_remedy(tmp_path: Path) -> None:
    """With one pod a first step of 10 % is half of the traffic."""
    text = plan_of(tmp_path, update(1, rollout={"steps": [{"weight": 10, "hold": "1m"}]}))
    (begins,) = [warning for warning in warnings_in(text) if "step 1 gives it 50 % of traffic" in warning]
    assert "raise spec.scaling to 9 replicas, or set spec.traffic.replicas.whenTooFew to Hold" in begins


def test_a_weight_that_the_pods_meet_is_no_warning(tmp_path: Path) -> None:
    assert warnings_in(plan_of(tmp_path, update(4))) == []


def test_the_gap_of_the_recreate_strategy_is_a_warning_with_its_times(tmp_path: Path) -> None:
    play = (
        Play().apply(model={"image": V1}, rollout={"strategy": "Recreate"}).rest().apply(model={"image": V2})
    )
    gap = "no pod serves requests from 2026-11-21T12:00:45Z to 2026-11-21T12:01:00Z"
    assert warnings_in(plan_of(tmp_path, play)) == [gap]


def test_a_first_deployment_has_no_gap(tmp_path: Path) -> None:
    path = write_file(tmp_path, model_deployment())
    assert warnings_in(output_of("plan", "-f", path, "--now", NOW)) == []


def test_a_stable_revision_without_ready_pods_is_a_gap_without_end(tmp_path: Path) -> None:
    play = Play().apply(model={"image": V1}).rest().pods("stable", pods.crashing)
    gap, event = warnings_in(plan_of(tmp_path, play))
    assert gap == "no pod serves requests from 2026-11-21T12:00:45Z on"
    assert event.startswith("at 12:00:45Z StableUnhealthy: ")


def test_a_ready_canary_with_traffic_prevents_a_gap(tmp_path: Path) -> None:
    play = update().later(45).pods("stable", pods.not_ready)
    assert not [line for line in warnings_in(plan_of(tmp_path, play)) if line.startswith("no pod")]


def test_a_warning_event_is_a_warning_of_the_plan(tmp_path: Path) -> None:
    play = update().later(5).pods("canary", pods.crashing)
    rolling_back, rejected = warnings_in(plan_of(tmp_path, play))
    assert "RollingBack: " in rolling_back
    assert "CrashLoop: " in rolling_back
    assert " CrashLoop: " in rejected


def test_an_end_that_is_not_healthy_says_what_can_change_it(tmp_path: Path) -> None:
    play = update().later(5).pods("canary", pods.crashing)
    assert "\nends Rejected; only an event or a decision changes this\n" in plan_of(tmp_path, play)


def test_a_pod_that_starts_later_than_the_deadline_is_rolled_back(tmp_path: Path) -> None:
    arguments = plan_arguments(tmp_path, update().story())
    text = output_of(*arguments, "--ready-after", "11m")
    assert "ProgressDeadlineExceeded" in text
    assert "at least 10m" in text
    assert text.rstrip().splitlines()[-1].startswith("Assumed: pods are ready after 11m")


def test_a_build_that_takes_longer_than_its_timeout_fails(tmp_path: Path) -> None:
    body = model_deployment(model={"uri": "s3://models/churn/7/"}, build={"timeout": "45s"})
    text = output_of("plan", "-f", write_file(tmp_path, body), "--now", NOW)
    assert "+45s" in text
    assert "BuildTimeout: " in text
    assert "ends Failed" in text


def test_a_plan_without_changes_says_so(tmp_path: Path) -> None:
    text = plan_of(tmp_path, Play().apply(model={"image": V1}).rest())
    assert len(ENTRY.findall(text)) == 1
    assert "\nnothing changes, 1 pod\nends Healthy\n\nAssumed" in text


weight_lists = st.lists(st.integers(1, 100), max_size=5, unique=True).map(sorted)


def timeline_with(replicas: int, weights: list[int], hold: int) -> tuple[TimelineEntry, ...]:
    steps = [{"weight": weight, "hold": f"{hold}s"} for weight in weights]
    play = update(replicas, rollout={"steps": steps, "scaleDownDelay": "30s"})
    return timeline_of(simulation().passes(play.world, play.now))


@settings(max_examples=15, deadline=None)
@given(replicas=st.integers(1, 6), weights=weight_lists, hold=st.integers(0, 600))
def test_a_plan_never_leaves_traffic_without_ready_pods_whatever_the_steps(
    replicas: int, weights: list[int], hold: int
) -> None:
    entries = timeline_with(replicas, weights, hold)
    first, last = entries[0], entries[-1]
    assert all(earlier.time < later.time for earlier, later in pairwise(entries))
    assert last.time - first.time >= timedelta(seconds=hold * len(weights) + 15 + 30)
    assert last.status.phase == "Healthy"
    assert (last.pods, max(entry.pods for entry in entries)) == (replicas, 2 * replicas)
    for entry in entries:
        stable, canary = entry.status.stable, entry.status.canary
        assert stable is not None
        assert stable.weight + (canary.weight if canary is not None else 0) == 100
        assert entry.pods_by_revision[stable.revision].ready >= 1
        if canary is not None and canary.weight:
            assert entry.pods_by_revision[canary.revision].ready >= 1


@pytest.mark.parametrize("days", [1, 30, 400])
def test_a_plan_does_not_depend_on_its_start_time(days: int) -> None:
    def durations_and_pods(now: datetime) -> list[tuple[timedelta, object]]:
        play = Play()
        play.now = now
        play.apply(model={"image": V1}, scaling={"replicas": 2}).rest().apply(model={"image": V2})
        entries = timeline_of(simulation().passes(play.world, play.now))
        return [(entry.time - entries[0].time, entry.pods_by_revision) for entry in entries]

    assert durations_and_pods(START) == durations_and_pods(START + timedelta(days=days, hours=5))


def test_more_replicas_are_not_advised_if_the_canary_has_as_many_pods_as_stable(tmp_path: Path) -> None:
    steps = [{"weight": 75, "hold": "10m"}]
    play = Play().apply(model={"image": V1}, scaling={"replicas": 3}, rollout={"steps": steps}).rest()
    warning = (
        "a weight of 75 % gives the canary 50 % of traffic, its share of the ready pods; "
        "the canary has at most as many pods as stable until it is promoted"
    )
    assert warnings_in(plan_of(tmp_path, play.apply(model={"image": V2}))) == [warning]
