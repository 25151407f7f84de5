"""The steps of the demo: which versions are applied, what must happen to each, and what is printed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from tests.demo.watching import Status, Watch
from tests.stage import models
from tests.stage.load import Tally

NAME: Final = "digits"
RATE: Final = 50.0
STEPS: Final = [{"weight": weight, "hold": "10s"} for weight in (25, 40, 50)]


class LoadGenerator(Protocol):
    """Clients that send requests all the time."""

    @property
    def tally(self) -> Tally: ...


class Stage(Protocol):
    """Where the demo runs: the lab, or an existing cluster."""

    @property
    def build(self) -> dict[str, Any]:
        """Return `spec.build` of every version."""
        ...

    @property
    def patience(self) -> float:
        """Return the factor on the time limits; 1 on the lab."""
        ...

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl in the demo's namespace, and return its output."""
        ...

    def apply(self, name: str, spec: dict[str, Any]) -> None:
        """Apply a ModelDeployment with this spec."""
        ...

    def put_model(self, path: str, data: bytes) -> dict[str, Any]:
        """Store the file, and return the `spec.model` that fetches it."""
        ...

    def users(self, name: str, body: bytes, *, rate: float) -> AbstractContextManager[LoadGenerator]:
        """Return clients that send requests to the Service of this name, once it answers."""
        ...

    def look_around(self, name: str) -> str:
        """Return commands that show the demo's objects and remove them."""
        ...


class Story:
    """Four versions of one model, of which one stays."""

    def __init__(self, stage: Stage, *, began: float) -> None:
        self._stage, self._began = stage, began
        self._models = _train_and_store(stage)

    def play(self) -> Tally:
        """Run all steps, and return the count of requests. Raises TimeoutError if a step does not end as expected."""
        with Watch(self._stage, NAME, began=self._began) as watch:
            say("kubectl apply: version 1. The model is fetched, built into a container image and started")
            self._apply(1)
            self._until(watch, _healthy, seconds=180, what="version 1 is healthy")
            with self._stage.users(NAME, models.request_body(), rate=RATE) as users:
                say(
                    f"clients start: {RATE:.0f} requests a second from now on, half of them on persistent connections"
                )
                self._promote_version_2(watch, users)
                self._reject_version_3(watch, users)
                self._reject_version_4(watch, users)
                say("kubectl apply: version 2 again. Nothing is built, and no pod restarts")
                self._apply(2)
                self._until(watch, _healthy, seconds=60, what="version 2 is healthy again")
            return users.tally

    def _promote_version_2(self, watch: Watch, users: LoadGenerator) -> None:
        say("kubectl apply: version 2. A canary receives traffic step by step, and is promoted")
        before = watch.status()["stable"]["revision"]
        self._apply(2)
        status = self._until(
            watch,
            lambda s: _healthy(s) and s["stable"]["revision"] != before,
            seconds=240,
            what="version 2 is promoted",
        )
        after = status["stable"]["revision"]
        answers = users.tally.revisions
        say(
            f"requests so far: version 1 ({before}) answered {answers[before]}, version 2 ({after}) {answers[after]}"
        )

    def _reject_version_3(self, watch: Watch, users: LoadGenerator) -> None:
        say("kubectl apply: version 3, a truncated file. The build must fail, and no pod must start")
        self._apply(3)
        self._expect_rejection(watch, users, "version 3 is rejected")

    def _reject_version_4(self, watch: Watch, users: LoadGenerator) -> None:
        say("kubectl apply: version 4, which is version 2 with too little memory. Its pod is OOM-killed")
        self._apply(2, resources={"limits": {"memory": "48Mi"}})
        self._expect_rejection(watch, users, "version 4 is rejected")

    def _expect_rejection(self, watch: Watch, users: LoadGenerator, what: str) -> None:
        status = self._until(watch, lambda s: s["phase"] == "Rejected", seconds=180, what=what)
        say(f"{what}: {status['rejected'][0]['reason']}. {failed_requests(users.tally.failed)}")

    def _until(self, watch: Watch, is_met: Callable[[Status], bool], *, seconds: float, what: str) -> Status:
        return watch.until(is_met, seconds=seconds * self._stage.patience, what=what)

    def _apply(self, version: int, **serving: Any) -> None:
        self._stage.apply(NAME, spec(self._stage, self._models[version], **serving))


def spec(stage: Stage, model: dict[str, Any], **serving: Any) -> dict[str, Any]:
    """Return the spec of a version: three pods, three steps, and short delays."""
    fields = {
        "model": model,
        "serving": {"resources": {"requests": {"cpu": "50m", "memory": "128Mi"}}, **serving},
        "scaling": {"replicas": 3},
        "rollout": {
            "steps": STEPS,
            "scaleDownDelay": "10s",
            "progressDeadline": f"{round(120 * stage.patience)}s",
        },
    }
    return {**fields, "build": stage.build} if stage.build else fields


def failed_requests(count: int) -> str:
    """Return a sentence about the requests that failed so far."""
    return f"{count} requests have failed" if count else "No request has failed"


def say(line: str) -> None:
    """Print a line of the demo's own."""
    print(f"\n▶ {line}", flush=True)


def _train_and_store(stage: Stage) -> dict[int, dict[str, Any]]:
    """Train the models and store their files; return `spec.model` by version."""
    first, better = models.first(), models.better()
    files = {1: models.skops_file(first), 2: models.skops_file(better), 3: models.cut_short(better)}
    stored = {number: stage.put_model(f"{NAME}/{number}/model.skops", data) for number, data in files.items()}
    say(
        f"trained on handwritten digits: version 1 recognizes {models.accuracy(first):.0%} of them, "
        f"version 2 {models.accuracy(better):.0%}; version 3 is a truncated upload"
    )
    return stored


def _healthy(status: Status) -> bool:
    return bool(status["phase"] == "Healthy")
