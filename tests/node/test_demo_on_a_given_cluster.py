"""The demo's stage in a cluster that was not made for it: here the lab's, seen through its kubeconfig alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demo import on_cluster, story
from tests.demo.on_cluster import OnCluster
from tests.demo.watching import Watch
from tests.stage import existing, guest, install, models
from tests.stage.crowd import Crowd
from tests.stage.given import GivenCluster
from tests.stage.install import Stage
from tests.stage.registry_location import registry_location

pytestmark = [pytest.mark.node, pytest.mark.slow]


@pytest.fixture
def cluster(stage: Stage) -> Iterator[GivenCluster]:
    """It has an operator that is not the demo's."""
    found = GivenCluster("lab", stage.lab.kubeconfig)
    yield found
    guest.remove(found, with_crds=True)


def test_users_in_a_pod_ask_a_model_that_came_from_a_guest(
    stage: Stage, cluster: GivenCluster, tmp_path: Path
) -> None:
    registry = stage.lab.registry
    where = registry_location(
        f"{registry.outside}/guest",
        f"{registry.inside}/guest",
        ca_file=registry.ca_file,
        plain_http=False,
        docker=tmp_path,
    )
    on = OnCluster(guest.prepare(cluster, where))
    model = on.put_model("digits/1/model.skops", models.skops_file(models.first()))
    hurried = {"pod": {"terminationGracePeriodSeconds": 6}}  # the namespace goes when its last pod has gone
    on.apply("digits", {**story.spec(on, model, **hurried), "scaling": {"replicas": 1}})
    with Watch(on, "digits", began=time.monotonic()) as watch:
        status = watch.until(lambda s: s["phase"] == "Healthy", seconds=300, what="the model is healthy")
    with on.users("digits", models.request_body(), rate=40.0) as users:
        _asked(users, 40)
    # the last word of the pod, after its last request: nothing is lost between two lines
    assert users.tally.failed == 0, users.tally.faults
    assert set(users.tally.revisions) == {status["stable"]["revision"]}
    assert sum(users.tally.new_connections.values()) > 10

    on_cluster.remove(cluster)
    assert existing.is_ours(cluster, guest.NAMESPACE) is None
    assert all(cluster.read("crd", crd) for crd in existing.CRDS)
    assert cluster.read("deployment", "seatrial", "-n", install.SYSTEM)["status"]["readyReplicas"]


def _asked(users: Crowd, times: int) -> None:
    deadline = time.monotonic() + 120
    while users.tally.answered < times:
        assert time.monotonic() < deadline, users.tally
        time.sleep(0.2)
