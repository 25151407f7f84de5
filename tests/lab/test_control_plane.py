"""The flavour without root: several side by side, pods that become ready, nothing left behind."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import cluster
from tests.cluster import kubectl

pytestmark = pytest.mark.controlplane

PATIENCE = 90.0  # seconds
STRICT = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "strict", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
}
DEPLOYMENT = json.dumps(
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 30,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "nobody/pulls:it"}]},
            },
        },
    }
)
JOB = json.dumps(
    {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "once"},
        "spec": {
            "backoffLimit": 0,
            "template": {
                "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "nobody/pulls:it"}]}
            },
        },
    }
)


@pytest.fixture(scope="module")
def plane() -> Iterator[cluster.Lab]:
    name = f"plane-a-{os.getpid()}"
    yield cluster.up(name)
    cluster.down(name)


def first_container(plane: cluster.Lab, pods: str) -> dict[str, object]:
    printed = plane.kubectl(
        "get", "pod", "-l", pods, "-o", "jsonpath={.items[0].status.containerStatuses[0]}"
    )
    found: dict[str, object] = json.loads(printed)
    return found


def test_pods_become_ready(plane: cluster.Lab) -> None:
    plane.apply(DEPLOYMENT)
    plane.kubectl("rollout", "status", "deployment/web", "--timeout=120s")
    assert plane.kubectl("get", "deployment", "web", "-o", "jsonpath={.status.readyReplicas}") == "30"


def test_a_job_runs_until_it_is_told(plane: cluster.Lab) -> None:
    plane.apply(JOB)
    # kubectl waits for no pod that is not there yet
    kubectl.wait(plane.kubeconfig, "get", "pod", "-l", "job-name=once", "-o", "name", seconds=PATIENCE)
    plane.kubectl("wait", "--for=condition=Ready", "pod", "-l", "job-name=once", f"--timeout={PATIENCE:.0f}s")
    plane.kubectl(
        "annotate", "pod", "-l", "job-name=once", 'lab.seatrial.dev/complete={"digest": "sha256:1"}'
    )
    plane.kubectl("wait", "--for=condition=Complete", "job/once", f"--timeout={PATIENCE:.0f}s")
    state = json.dumps(first_container(plane, "job-name=once")["state"])
    assert json.loads(state)["terminated"]["message"] == '{"digest": "sha256:1"}'


def test_a_pod_crashes_and_heals_as_told(plane: cluster.Lab) -> None:
    plane.kubectl(
        "run", "sick", "--image=nobody/pulls:it", "--annotations=lab.seatrial.dev/waiting=CrashLoopBackOff"
    )
    waiting = "jsonpath={.status.containerStatuses[0].state.waiting.reason}"
    found = kubectl.wait(plane.kubeconfig, "get", "pod", "sick", "-o", waiting, seconds=PATIENCE)
    assert found == "CrashLoopBackOff"
    plane.kubectl("annotate", "pod", "sick", "lab.seatrial.dev/waiting-")
    plane.kubectl("wait", "--for=condition=Ready", "pod/sick", f"--timeout={PATIENCE:.0f}s")


def test_policies_and_pod_security_are_in_force(plane: cluster.Lab) -> None:
    assert "validatingadmissionpolicies" in plane.kubectl("api-resources", "-o", "name")
    # labelled from the first moment: of a later label admission hears a moment later
    plane.apply(json.dumps(STRICT))
    with pytest.raises(cluster.LabError, match="violates PodSecurity"):
        plane.kubectl("-n", "strict", "run", "p", "--image=nobody/pulls:it", "--privileged")


def test_a_service_account_has_a_token(plane: cluster.Lab) -> None:
    assert plane.kubectl("create", "token", "default").count(".") == 2


def test_up_again_finds_the_same_lab(plane: cluster.Lab) -> None:
    assert cluster.up(plane.name).record == plane.record


def test_a_second_cluster_shares_nothing_and_leaves_nothing(plane: cluster.Lab) -> None:
    name = f"plane-b-{os.getpid()}"
    other = cluster.up(name)
    assert other.record.ports["api"] != plane.record.ports["api"]
    plane.kubectl("create", "namespace", "only-in-a")
    assert "only-in-a" not in other.kubectl("get", "namespaces", "-o", "name")
    cluster.down(name)
    assert not other.folder.exists()
    assert processes_that_mention(str(other.folder)) == []
    assert plane.lives()


def processes_that_mention(text: str) -> list[str]:
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in words:
            found.append(words)
    return found
