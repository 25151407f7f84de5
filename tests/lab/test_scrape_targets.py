"""Prometheus scrapes pods that ask for it, where they ask for it."""

from typing import Any

import pytest

from tests.cluster import scrape_targets


def pod(*, ip: str = "10.0.0.7", phase: str = "Running", **annotations: str) -> dict[str, Any]:
    wishes = {f"prometheus.io/{name}": value for name, value in annotations.items()}
    meta = {"name": "p", "namespace": "n", "annotations": wishes, "labels": {"app.kubernetes.io/name": "x"}}
    return {"metadata": meta, "status": {"podIP": ip, "phase": phase}}


def test_a_pod_is_scraped_at_its_port_and_path() -> None:
    (target,) = scrape_targets.targets_of([pod(scrape="true", port="3000", path="/m")])
    assert target["targets"] == ["10.0.0.7:3000"]
    assert target["labels"] == {
        "app_kubernetes_io_name": "x",
        "namespace": "n",
        "pod": "p",
        "__metrics_path__": "/m",
    }


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(pod(), id="does not ask"),
        pytest.param(pod(scrape="false"), id="asks not to"),
        pytest.param(pod(scrape="true", ip=""), id="has no address yet"),
        pytest.param(pod(scrape="true", phase="Succeeded"), id="has ended"),
    ],
)
def test_other_pods_are_left_alone(other: dict[str, Any]) -> None:
    assert scrape_targets.targets_of([other]) == []
