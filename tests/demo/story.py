"""The story itself, wherever it is played: its words, its models, and what must come of each."""

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


class Asking(Protocol):
    """Users who ask all the time."""

    @property
    def tally(self) -> Tally: ...


class Stage(Protocol):
    """Where it is played: the lab, or a cluster that the user has."""

    @property
    def build(self) -> dict[str, Any]:
        """`spec.build` of every version."""
        ...

    @property
    def patience(self) -> float:
        """How much longer than on the lab everything may take."""
        ...

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl printed, in the stage's namespace."""
        ...

    def apply(self, name: str, spec: dict[str, Any]) -> None:
        """The ModelDeployment asks for this spec."""
        ...

    def put_model(self, path: str, data: bytes) -> dict[str, Any]:
        """The file can be fetched; the `spec.model` for it."""
        ...

    def users(self, name: str, body: bytes, *, rate: float) -> AbstractContextManager[Asking]:
        """Users of the object's Service, once it lets them in."""
        ...

    def look_around(self, name: str) -> str:
        """Commands by which the user sees what is there, and takes it down."""
        ...


class Story:
    """Four versions of one model, one of them good enough to stay."""

    def __init__(self, stage: Stage, *, began: float) -> None:
        self._stage, self._began = stage, began
        self._models = _stored(stage)

    def play(self) -> Tally:
        """What users got while it went on. Raises TimeoutError when it takes another turn."""
        with Watch(self._stage, NAME, began=self._began) as watch:
            say("kubectl apply: version 1. It is fetched, built into a container, started")
            self._apply(1)
            self._until(watch, _healthy, seconds=180, what="version 1 goes live")
            with self._stage.users(NAME, models.request_body(), rate=RATE) as users:
                say(
                    f"users arrive: {RATE:.0f} requests a second from now on, half of them on connections they keep"
                )
                self._second(watch, users)
                self._third(watch, users)
                self._fourth(watch, users)
                say("kubectl apply: version 2 as it was. Nothing is built, nothing restarts")
                self._apply(2)
                self._until(watch, _healthy, seconds=60, what="version 2 is wanted again")
            return users.tally

    def _second(self, watch: Watch, users: Asking) -> None:
        say("kubectl apply: version 2. A canary takes users step by step, and takes over")
        before = watch.status()["stable"]["revision"]
        self._apply(2)
        status = self._until(
            watch,
            lambda s: _healthy(s) and s["stable"]["revision"] != before,
            seconds=240,
            what="version 2 takes over",
        )
        after = status["stable"]["revision"]
        seen = users.tally.revisions
        say(f"answered so far: {seen[before]} by version 1 ({before}), {seen[after]} by version 2 ({after})")

    def _third(self, watch: Watch, users: Asking) -> None:
        say("kubectl apply: version 3, a broken file. It must not get further than its build")
        self._apply(3)
        self._rejected(watch, users, "version 3 is refused")

    def _fourth(self, watch: Watch, users: Asking) -> None:
        say("kubectl apply: version 2 with too little memory. Its pod dies, and it is taken back")
        self._apply(2, resources={"limits": {"memory": "48Mi"}})
        self._rejected(watch, users, "version 4 is taken back")

    def _rejected(self, watch: Watch, users: Asking, what: str) -> None:
        status = self._until(watch, lambda s: s["phase"] == "Degraded", seconds=180, what=what)
        say(f"{what}: {status['rejected'][0]['reason']}. {noticed(users.tally.failed)}")

    def _until(self, watch: Watch, holds: Callable[[Status], bool], *, seconds: float, what: str) -> Status:
        return watch.until(holds, seconds=seconds * self._stage.patience, what=what)

    def _apply(self, version: int, **serving: Any) -> None:
        self._stage.apply(NAME, spec(self._stage, self._models[version], **serving))


def spec(stage: Stage, model: dict[str, Any], **serving: Any) -> dict[str, Any]:
    """What the demo asks for: three pods, three steps, and a rollback that does not dawdle."""
    wanted = {
        "model": model,
        "serving": {"resources": {"requests": {"cpu": "50m", "memory": "128Mi"}}, **serving},
        "scaling": {"replicas": 3},
        "rollout": {
            "steps": STEPS,
            "scaleDownDelay": "10s",
            "progressDeadline": f"{round(120 * stage.patience)}s",
        },
    }
    return {**wanted, "build": stage.build} if stage.build else wanted


def noticed(failed: int) -> str:
    """What users have felt of it so far."""
    return f"{failed} requests of users have failed" if failed else "Users have noticed nothing"


def say(line: str) -> None:
    """A line of the story."""
    print(f"\n▶ {line}", flush=True)


def _stored(stage: Stage) -> dict[int, dict[str, Any]]:
    """Version → its `spec.model`; the files are where it leads."""
    first, better = models.first(), models.better()
    files = {1: models.skops_file(first), 2: models.skops_file(better), 3: models.cut_short(better)}
    stored = {number: stage.put_model(f"{NAME}/{number}/model.skops", data) for number, data in files.items()}
    say(
        "trained on handwritten digits: v1 reads "
        f"{models.accuracy(first):.0%} of them, v2 {models.accuracy(better):.0%}; v3's upload broke off half-way"
    )
    return stored


def _healthy(status: Status) -> bool:
    return bool(status["phase"] == "Healthy")
