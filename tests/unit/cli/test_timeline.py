"""The text of a plan: what happens when, with how many pods, and what is warned of."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.simulation.run import Moment
from tests.golden import pods
from tests.golden.play import START, V1, V2, Play, simulation
from tests.unit.cli.commands import NOW, a_deployment, file_of, printed, stored

ENTRY = re.compile(r"^(\+\S+) +(\S+)  (\w+(?: \d+/\d+)?) +(.*); (\d+) pods?$", re.MULTILINE)
STEPS = [{"weight": 20, "hold": "2m"}, {"weight": 50, "hold": "5m"}]


def beside_stable(replicas: int = 3, **spec: object) -> Play:
    """Another image has just been applied beside one that serves."""
    given = {"scaling": {"replicas": replicas}, "rollout": {"steps": STEPS}, **spec}
    return Play().apply(model={"image": V1}, **given).rest().apply(model={"image": V2})


def plan_of(folder: Path, play: Play) -> str:
    return printed(*stored(folder, play.story()))


def warnings_in(text: str) -> list[str]:
    return [line.removeprefix("Warning: ") for line in text.splitlines() if line.startswith("Warning: ")]


def test_a_rollout_is_told_step_by_step_with_the_pods_of_each_share(tmp_path: Path) -> None:
    found = ENTRY.findall(plan_of(tmp_path, beside_stable()))
    shares = [re.sub(r"[0-9a-f]{10} ", "", entry[3]) for entry in found]
    assert [(entry[0], entry[2], share, entry[4]) for entry, share in zip(found, shares, strict=True)] == [
        ("+0s", "Canary 0/2", "stable 100 % on 3 pods, canary 0 % on 0 of 1 pod", "4"),
        ("+15s", "Canary 1/2", "stable 80 % on 3 pods, canary 20 % on 1 pod", "4"),
        ("+2m15s", "Canary 2/2", "stable 80 % on 3 pods, canary 20 % on 1 of 3 pods", "6"),
        ("+2m30s", "Canary 2/2", "stable 50 % on 3 pods, canary 50 % on 3 pods", "6"),
        ("+7m30s", "Healthy", "stable 100 % on 3 pods", "6"),
        ("+8m", "Healthy", "stable 100 % on 3 pods", "3"),
    ]


def test_the_sum_says_steps_time_and_peak(tmp_path: Path) -> None:
    text = plan_of(tmp_path, beside_stable())
    assert "\n2 steps, at least 8m, 6 pods at the peak\nends Healthy\n" in text


def test_one_of_something_is_said_as_one(tmp_path: Path) -> None:
    steps = {"steps": [{"weight": 50, "hold": "1m"}]}
    text = plan_of(tmp_path, beside_stable(1, rollout=steps))
    assert "\n1 step, at least 1m45s, 2 pods at the peak\n" in text
    assert "stable 100 % on 1 pod; 1 pod\n" in re.sub(r"[0-9a-f]{10} ", "", text)


@pytest.mark.parametrize(
    ("ready", "build", "sentence"),
    [
        (["--ready-after", "90s"], [], "pods are ready after 1m30s, builds take 1m,"),
        ([], ["--build-seconds", "0"], "pods are ready after 15s, builds take 0s,"),
    ],
)
def test_what_was_assumed_is_said(tmp_path: Path, ready: list[str], build: list[str], sentence: str) -> None:
    given = file_of(tmp_path, a_deployment())
    assert f"Assumed: {sentence} the load stays" in printed("plan", "-f", given, "--now", NOW, *ready, *build)


def test_a_share_that_few_pods_cannot_have_is_a_warning_said_once(tmp_path: Path) -> None:
    told = warnings_in(plan_of(tmp_path, beside_stable()))
    assert told == [
        "a share of 20 % is really one of 25 %: it is that of the ready pods, and more replicas come nearer"
    ]


def test_a_share_that_the_pods_have_is_none(tmp_path: Path) -> None:
    assert warnings_in(plan_of(tmp_path, beside_stable(4))) == []


def test_a_gap_of_the_strategy_is_a_warning_with_its_times(tmp_path: Path) -> None:
    play = (
        Play().apply(model={"image": V1}, rollout={"strategy": "Recreate"}).rest().apply(model={"image": V2})
    )
    told = warnings_in(plan_of(tmp_path, play))
    assert told == ["nobody is served from 2026-11-21T12:00:45Z to 2026-11-21T12:01:00Z"]


def test_a_first_deploy_is_no_gap(tmp_path: Path) -> None:
    given = file_of(tmp_path, a_deployment())
    assert warnings_in(printed("plan", "-f", given, "--now", NOW)) == []


def test_stable_without_pods_is_a_gap_without_an_end(tmp_path: Path) -> None:
    play = Play().apply(model={"image": V1}).rest().pods("stable", pods.crashing)
    gap, sick = warnings_in(plan_of(tmp_path, play))
    assert gap == "nobody is served from 2026-11-21T12:00:45Z on"
    assert sick.startswith("at 12:00:45Z StableUnhealthy: ")


def test_a_canary_that_answers_while_stable_does_not_is_no_gap(tmp_path: Path) -> None:
    play = beside_stable().later(45).pods("stable", pods.not_ready)
    assert not [line for line in warnings_in(plan_of(tmp_path, play)) if line.startswith("nobody")]


def test_what_the_operator_warns_of_is_a_warning(tmp_path: Path) -> None:
    play = beside_stable().later(5).pods("canary", pods.crashing)
    (back, end) = warnings_in(plan_of(tmp_path, play))
    assert "RollingBack: " in back
    assert "CrashLoop: exits again and again, with code 1" in back
    assert " CrashLoop: " in end


def test_an_end_that_is_not_good_says_what_moves_it_on(tmp_path: Path) -> None:
    play = beside_stable().later(5).pods("canary", pods.crashing)
    assert "\nends Degraded; only an event or a person moves it on\n" in plan_of(tmp_path, play)


def test_a_pod_that_takes_longer_than_the_deadline_is_taken_back(tmp_path: Path) -> None:
    arguments = stored(tmp_path, beside_stable().story())
    text = printed(*arguments, "--ready-after", "11m")
    assert "ProgressDeadlineExceeded" in text
    assert "at least 10m" in text
    assert text.rstrip().splitlines()[-1].startswith("Assumed: pods are ready after 11m")


def test_a_build_that_takes_longer_than_its_timeout_fails(tmp_path: Path) -> None:
    body = a_deployment(model={"uri": "s3://models/churn/7/"}, build={"timeout": "45s"})
    text = printed("plan", "-f", file_of(tmp_path, body), "--now", NOW)
    assert "+45s" in text
    assert "BuildTimeout: the build took longer than spec.build.timeout; raise it" in text
    assert "ends Failed" in text


def test_at_rest_nothing_is_planned(tmp_path: Path) -> None:
    text = plan_of(tmp_path, Play().apply(model={"image": V1}).rest())
    assert len(ENTRY.findall(text)) == 1
    assert "\nnothing is done, 1 pod\nends Healthy\n\nAssumed" in text


steps_of = st.lists(st.integers(1, 100), max_size=5, unique=True).map(sorted)


def moments_of(replicas: int, weights: list[int], hold: int) -> tuple[Moment, ...]:
    steps = [{"weight": weight, "hold": f"{hold}s"} for weight in weights]
    play = beside_stable(replicas, rollout={"steps": steps, "scaleDownDelay": "30s"})
    return simulation().moments(play.world, play.now)


@settings(max_examples=15, deadline=None)
@given(replicas=st.integers(1, 6), weights=steps_of, hold=st.integers(0, 600))
def test_whatever_the_steps_the_plan_keeps_its_promises(replicas: int, weights: list[int], hold: int) -> None:
    found = moments_of(replicas, weights, hold)
    first, last = found[0], found[-1]
    assert all(before.at < later.at for before, later in pairwise(found))
    assert last.at - first.at >= timedelta(seconds=hold * len(weights) + 15 + 30)
    assert last.status.phase == "Healthy"
    assert (last.pods, max(moment.pods for moment in found)) == (replicas, 2 * replicas)
    for moment in found:
        stable, canary = moment.status.stable, moment.status.canary
        assert stable is not None
        assert stable.weight + (canary.weight if canary is not None else 0) == 100
        assert moment.tracks[stable.revision].ready >= 1
        if canary is not None and canary.weight:
            assert moment.tracks[canary.revision].ready >= 1


@pytest.mark.parametrize("days", [1, 30, 400])
def test_a_plan_is_the_same_whenever_it_is_made(days: int) -> None:
    def shapes(now: datetime) -> list[tuple[timedelta, object]]:
        play = Play()
        play.now = now
        play.apply(model={"image": V1}, scaling={"replicas": 2}).rest().apply(model={"image": V2})
        moments = simulation().moments(play.world, play.now)
        return [(moment.at - moments[0].at, moment.tracks) for moment in moments]

    assert shapes(START) == shapes(START + timedelta(days=days, hours=5))


def test_more_replicas_are_not_the_advice_where_the_canary_has_as_many_pods_as_stable(tmp_path: Path) -> None:
    steps = [{"weight": 75, "hold": "10m"}]
    play = Play().apply(model={"image": V1}, scaling={"replicas": 3}, rollout={"steps": steps}).rest()
    told = warnings_in(plan_of(tmp_path, play.apply(model={"image": V2})))
    really = "a share of 75 % is really one of 50 %: it is that of the ready pods, and"
    assert told == [f"{really} the canary has at most as many as stable: it gets more when it takes over"]
