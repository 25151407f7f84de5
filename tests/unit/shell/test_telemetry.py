"""Each object has its gauges, and a deleted object has none."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from seatrial import telemetry
from seatrial.api import phases
from seatrial.api.metadata import Key
from seatrial.telemetry import Telemetry

KEYS = [Key("shop", "a"), Key("shop", "b"), Key("other", "a")]


def gauges(metrics: Telemetry) -> dict[Key, dict[str, float]]:
    """Return the phases that are 1 and the weight of each object."""
    by_key: dict[Key, dict[str, float]] = {}
    for family in metrics.registry.collect():
        for sample in family.samples:
            if "name" not in sample.labels:
                continue
            entry = by_key.setdefault(Key(sample.labels["namespace"], sample.labels["name"]), {})
            if family.name == "seatrial_canary_weight":
                entry["weight"] = sample.value
            elif sample.value and sample.name != "seatrial_rollouts_created":
                entry[_series(sample.labels)] = sample.value
    return by_key


def _series(labels: dict[str, str]) -> str:
    return " ".join(value for name, value in labels.items() if name not in {"namespace", "name"})


STEPS = st.lists(
    st.tuples(
        st.sampled_from(KEYS),
        st.one_of(st.none(), st.tuples(st.sampled_from(list(phases.DisplayPhase)), st.integers(0, 100))),
    ),
    max_size=20,
)


@given(STEPS)
def test_each_object_has_one_phase_and_one_weight_until_it_is_forgotten(
    steps: list[tuple[Key, tuple[phases.DisplayPhase, int] | None]],
) -> None:
    metrics = Telemetry(CollectorRegistry())
    expected: dict[Key, dict[str, float]] = {}
    for key, state in steps:
        if state is None:
            metrics.objects.forget(key)
            expected.pop(key, None)
        else:
            phase, weight = state
            metrics.objects.record(key, phase=str(phase), weight=weight)
            expected[key] = {str(phase): 1.0, "weight": float(weight)}
    assert gauges(metrics) == expected


def test_an_object_without_a_phase_has_every_series_at_zero() -> None:
    metrics = Telemetry(CollectorRegistry())
    metrics.objects.record(KEYS[0], phase="", weight=0)
    assert gauges(metrics) == {KEYS[0]: {"weight": 0.0}}
    metrics.objects.forget(KEYS[0])
    assert gauges(metrics) == {}


def test_each_condition_has_one_status_until_its_object_is_forgotten() -> None:
    metrics = Telemetry(CollectorRegistry())
    for serving in ("True", "False"):
        conditions = {"Serving": serving, "Stalled": "False"}
        metrics.objects.record(KEYS[0], phase="Healthy", weight=0, conditions=conditions)
        metrics.objects.record(KEYS[1], phase="Healthy", weight=0, conditions=conditions)
    value = metrics.registry.get_sample_value
    labels = {"namespace": "shop", "name": "a", "type": "Serving"}
    assert value("seatrial_condition", {**labels, "status": "True"}) == 0
    assert value("seatrial_condition", {**labels, "status": "False"}) == 1
    metrics.objects.forget(KEYS[0])
    assert value("seatrial_condition", {**labels, "status": "True"}) is None
    assert value("seatrial_condition", {**labels, "status": "False"}) is None
    assert gauges(metrics) == {
        KEYS[1]: {"Healthy": 1.0, "weight": 0.0, "Serving False": 1.0, "Stalled False": 1.0}
    }


def test_rollouts_are_counted_by_object_until_it_is_forgotten() -> None:
    metrics = Telemetry(CollectorRegistry())
    for key in (*KEYS, KEYS[0]):
        metrics.objects.count_rollout(key, outcome="RolledBack", reason="CrashLoop")
    metrics.objects.count_rollout(KEYS[0], outcome="Promoted", reason="Promoted")
    first = {"RolledBack CrashLoop": 2.0, "Promoted Promoted": 1.0}
    assert gauges(metrics)[KEYS[0]] == first
    metrics.objects.forget(KEYS[0])
    assert gauges(metrics) == {key: {"RolledBack CrashLoop": 1.0} for key in KEYS[1:]}


def test_a_standby_has_no_queue_age() -> None:
    metrics, leads = Telemetry(CollectorRegistry()), [0.0]
    metrics.register_gauges(depth=lambda: 4, oldest=lambda: 900.0, leader=lambda: leads[0], ages={})
    assert metrics.registry.get_sample_value("seatrial_queue_oldest_seconds") is None
    leads[0] = 1.0
    assert metrics.registry.get_sample_value("seatrial_queue_oldest_seconds") == 900


def test_the_oldest_of_several_watches_of_a_kind_counts() -> None:
    metrics = Telemetry(CollectorRegistry())
    ages = {"Pod": [lambda: 3.0, lambda: 9.0, lambda: 1.0], "Job": [lambda: 2.0]}
    metrics.register_gauges(depth=lambda: 4, oldest=lambda: 5.0, leader=lambda: 1.0, ages=ages)
    value = metrics.registry.get_sample_value
    assert value("seatrial_watch_last_event_age_seconds", {"kind": "Pod"}) == 9
    assert value("seatrial_watch_last_event_age_seconds", {"kind": "Job"}) == 2
    gauges = ("seatrial_queue_depth", "seatrial_queue_oldest_seconds", "seatrial_leader")
    assert [value(name) for name in gauges] == [4, 5, 1]


def test_several_operators_can_run_in_one_process() -> None:
    one, other = Telemetry(CollectorRegistry()), Telemetry(CollectorRegistry())
    one.passes.labels("done").inc()
    assert b'result="done"' not in generate_latest(other.registry)


@pytest.mark.parametrize("path", ["/metrics", "/else"])
async def test_metrics_are_served_at_their_path_only(path: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    metrics = Telemetry(CollectorRegistry())
    metrics.passes.labels("done").inc()
    runner = await telemetry.serve(metrics.registry, port)
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}{path}") as response,
        ):
            text = await response.text()
        assert response.status == (200 if path == "/metrics" else 404)
        assert ('seatrial_reconcile_total{result="done"} 1.0' in text) is (path == "/metrics")
    finally:
        await runner.cleanup()
        await asyncio.sleep(0)
