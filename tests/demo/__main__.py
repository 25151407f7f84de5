"""`python -m tests.demo`: sets the stage, plays the story, and says how to look around."""

from __future__ import annotations

import sys
import time
from typing import Any

from tests import cluster
from tests.cluster.errors import LabError
from tests.demo.watching import Status, Watch
from tests.stage import install, models
from tests.stage.install import Stage
from tests.stage.load import Tally, Users, reached

LAB = "demo"
NAME = "digits"
NAMESPACE = "shop"
RATE = 50.0
STEPS = [{"weight": 25, "hold": "10s"}, {"weight": 40, "hold": "10s"}, {"weight": 50, "hold": "10s"}]


def main() -> int:
    """The exit code: 0 when the story ended as it should and no request failed."""
    began = time.monotonic()
    try:
        stage = _stage()
        tally = _story(stage, began)
    except (LabError, TimeoutError, RuntimeError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    _farewell(stage, tally, time.monotonic() - began)
    return 1 if tally.failed else 0


def _stage() -> Stage:
    """A real node with Seatrial in it, nothing of an earlier demo, and the models in the object store."""
    lab = cluster.up_node(LAB)
    install.operator(lab)
    lab.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=120s")
    stage = install.namespace(lab, NAMESPACE)
    first, better = models.first(), models.better()
    stage.put_model("digits/1/model.skops", models.skops_file(first))
    stage.put_model("digits/2/model.skops", models.skops_file(better))
    stage.put_model("digits/3/model.skops", models.cut_short(better))
    say(
        "trained on handwritten digits: v1 reads "
        f"{models.accuracy(first):.0%} of them, v2 {models.accuracy(better):.0%}; v3's upload broke off half-way"
    )
    return stage


def spec(version: int, **serving: Any) -> dict[str, Any]:
    """What the demo asks for: three pods, three steps, and a rollback that does not dawdle."""
    return {
        "model": {
            "uri": f"s3://{install.BUCKET}/digits/{version}/",
            "credentials": {"secretName": install.CREDENTIALS},
        },
        "serving": {"resources": {"requests": {"cpu": "50m", "memory": "128Mi"}}, **serving},
        "scaling": {"replicas": 3},
        "rollout": {"steps": STEPS, "scaleDownDelay": "10s", "progressDeadline": "2m"},
    }


def _story(stage: Stage, began: float) -> Tally:
    with Watch(stage, NAME, began=began) as watch:
        say("kubectl apply: version 1. It is fetched, built into a container, started")
        stage.apply(NAME, spec(1))
        watch.until(_healthy, seconds=180, what="version 1 goes live")
        reached(stage.lab.service_address(NAMESPACE, NAME))
        with Users(stage.lab.service_address(NAMESPACE, NAME), models.request_body(), rate=RATE) as users:
            say(
                f"users arrive: {RATE:.0f} requests a second from now on, half of them on connections they keep"
            )
            _second(stage, watch, users)
            _third(stage, watch)
            _fourth(stage, watch)
            say("kubectl apply: version 2 as it was. Nothing is built, nothing restarts")
            stage.apply(NAME, spec(2))
            watch.until(_healthy, seconds=60, what="version 2 is wanted again")
        return users.tally


def _healthy(status: Status) -> bool:
    return bool(status["phase"] == "Healthy")


def _second(stage: Stage, watch: Watch, users: Users) -> None:
    say("kubectl apply: version 2. A canary takes users step by step, and takes over")
    before = watch.status()["stable"]["revision"]
    stage.apply(NAME, spec(2))
    status = watch.until(
        lambda s: _healthy(s) and s["stable"]["revision"] != before, seconds=240, what="version 2 takes over"
    )
    after = status["stable"]["revision"]
    seen = users.tally.revisions
    say(f"answered so far: {seen[before]} by version 1 ({before}), {seen[after]} by version 2 ({after})")


def _third(stage: Stage, watch: Watch) -> None:
    say("kubectl apply: version 3, a broken file. It must not get further than its build")
    stage.apply(NAME, spec(3))
    _rejected(watch, "version 3 is refused")


def _fourth(stage: Stage, watch: Watch) -> None:
    say("kubectl apply: version 2 with too little memory. Its pod dies, and it is taken back")
    stage.apply(NAME, spec(2, resources={"limits": {"memory": "48Mi"}}))
    _rejected(watch, "version 4 is taken back")


def _rejected(watch: Watch, what: str) -> None:
    status = watch.until(lambda s: s["phase"] == "Degraded", seconds=180, what=what)
    say(f"{what}: {status['rejected'][0]['reason']}. Users have noticed nothing")


def say(line: str) -> None:
    """A line of the story."""
    print(f"\n▶ {line}", flush=True)


def _farewell(stage: Stage, tally: Tally, seconds: float) -> None:
    total = tally.answered + tally.failed
    say(f"{total} requests, {tally.failed} failed, in {seconds:.0f} s. {dict(tally.faults) or ''}")
    print(
        f"""
Look around:
  export KUBECONFIG={stage.lab.kubeconfig}
  kubectl -n {NAMESPACE} get mdep -w
  kubectl -n {NAMESPACE} get mdep {NAME} -o yaml
  kubectl -n {NAMESPACE} get deployments,pods,services,jobs,events
  curl -s -H 'content-type: application/json' -d '{models.request_body().decode()}' \\
    http://{stage.lab.service_address(NAMESPACE, NAME)}/predict
Take it down:
  make lab-down NAME={LAB}
"""
    )


if __name__ == "__main__":
    sys.exit(main())
