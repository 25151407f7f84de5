"""The server's pod: restricted, any user, busy, slow, and changed without a build."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import yaml

from tests.node import formats
from tests.node.serving import Served, Status, applied, fresh
from tests.stage import install, models
from tests.stage.install import Stage

pytestmark = [pytest.mark.node, pytest.mark.slow]

PATIENCE = 240.0
ANYBODY = 12345
LONG_WORK = 4000
"""Rows that keep the slow model busy for seconds."""


@pytest.fixture(scope="module")
def served(warm: Stage) -> Iterator[dict[str, Served]]:
    """A plain model, and a slow one that takes one request at a time and two seconds for each."""
    slow = warm.put_model("slow/1/model.joblib", formats.pickle_file(formats.slow_model()))
    model = {"uri": slow, "allowPickle": True, "credentials": {"secretName": install.CREDENTIALS}}
    serving = {"maxConcurrency": 1, "timeout": "2s"}
    with applied(warm, {"plain": {}, "slow": {"model": model, "serving": serving}}) as both:
        yield both


def test_the_pod_is_restricted_and_reads_only(served: dict[str, Served]) -> None:
    served["plain"].healthy(seconds=PATIENCE)
    (pod,) = served["plain"].pods()
    (container,) = pod["spec"]["containers"]
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_the_image_answers_as_any_user(warm: Stage, served: dict[str, Served]) -> None:
    served["plain"].healthy(seconds=PATIENCE)
    pod = served["plain"].pods()[0]
    warm.lab.apply(yaml.safe_dump(_as_anybody(pod)))
    try:
        warm.kubectl("wait", "--for=condition=Ready", "pod/anybody", "--timeout=180s")
        address = warm.kubectl("get", "pod", "anybody", "-o", "jsonpath={.status.podIP}").strip()
        answer = _predict(f"127.0.0.1:{warm.lab.forward(address, 3000)}")
        assert warm.kubectl("exec", "anybody", "--", "id", "-u").strip() == str(ANYBODY)
    finally:
        warm.kubectl("delete", "pod", "anybody", "--wait=false")
    assert len(answer["predictions"]) == 1


def _as_anybody(pod: dict[str, Any]) -> dict[str, Any]:
    """A pod like this one that runs as a user nobody has heard of and belongs to no ModelDeployment."""
    spec = {key: value for key, value in pod["spec"].items() if key not in {"nodeName", "serviceAccount"}}
    user = {"runAsUser": ANYBODY, "runAsGroup": ANYBODY}
    spec["securityContext"] = {**spec["securityContext"], **user}
    head = {"name": "anybody", "namespace": pod["metadata"]["namespace"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": head, "spec": spec}


def _predict(address: str, body: bytes | None = None) -> Any:
    sent = body or models.request_body()
    request = urllib.request.Request(f"http://{address}/predict", sent, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_more_than_max_concurrency_is_answered_429_and_too_slow_is_504(served: dict[str, Served]) -> None:
    slow = served["slow"]
    slow.healthy(seconds=PATIENCE)
    body, address = formats.rows_body(LONG_WORK), slow.address
    began = time.monotonic()
    with ThreadPoolExecutor(6) as askers:
        statuses = Counter(askers.map(lambda _: _status_of(address, body), range(6)))
    took = time.monotonic() - began
    print(f"six at once: {dict(statuses)} in {took:.1f} s")
    assert statuses == {429: 5, 504: 1}
    assert took < 20
    # its place is free again once the work has really ended
    slow.until(lambda _: _status_of(address, formats.rows_body(1)) == 200)


def _status_of(address: str, body: bytes) -> int:
    try:
        _predict(address, body)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code
    return 200


def test_a_change_of_the_environment_makes_no_build(warm: Stage, served: dict[str, Served]) -> None:
    plain = served["plain"]
    before = plain.healthy(seconds=PATIENCE)
    jobs = _jobs(warm)
    base = plain.spec(1, build={"refresh": fresh("plain")})
    plain.apply({**base, "serving": {**base["serving"], "env": [{"name": "MOOD", "value": "sunny"}]}})
    after = plain.until(
        lambda s: s["phase"] == "Healthy" and s["stable"].get("revision") != before["stable"]["revision"]
    )
    assert _jobs(warm) <= jobs, "old ones may be gone by now, new ones there may not be"
    assert after["stable"]["image"] == before["stable"]["image"]
    assert [_environment(pod)["MOOD"] for pod in plain.pods() if _is_of(pod, after)] == ["sunny"]


def _is_of(pod: dict[str, Any], status: Status) -> bool:
    return bool(pod["metadata"]["labels"]["seatrial.dev/revision"] == status["stable"]["revision"])


def _environment(pod: dict[str, Any]) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in pod["spec"]["containers"][0]["env"]}


def _jobs(stage: Stage) -> set[str]:
    return set(stage.kubectl("get", "jobs", "-l", "seatrial.dev/deployment=plain", "-o", "name").split())
