"""One story on every stage: what it asks for, what it waits for, and how it ends."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from seatrial.api.spec import Spec
from tests.demo import __main__ as demo
from tests.demo import on_cluster, story
from tests.demo.arguments import Wanted
from tests.demo.story import Story
from tests.stage.given import GivenCluster
from tests.stage.load import Tally

REJECTED = [{"reason": "ModelLoadFailed"}]
TURNS: list[dict[str, Any]] = [
    {"phase": "Healthy", "stable": {"revision": "a"}},
    {"phase": "Healthy", "stable": {"revision": "b"}},
    {"phase": "Degraded", "stable": {"revision": "b"}, "rejected": REJECTED},
    {"phase": "Degraded", "stable": {"revision": "b"}, "rejected": [{"reason": "OutOfMemory"}, *REJECTED]},
    {"phase": "Healthy", "stable": {"revision": "b"}},
]


GOT = Tally(answered=9, revisions=Counter(a=6, b=3))


@dataclass(frozen=True, slots=True)
class Crowd:
    """Users who have got this."""

    tally: Tally


class Played:
    """A stage on which every version goes as it should, from the moment it is applied."""

    def __init__(self, *, patience: float = 1.0, tally: Tally = GOT, **build: Any) -> None:
        self.build, self.patience, self.tally = build, patience, tally
        self.specs: list[dict[str, Any]] = []
        self.files: dict[str, int] = {}
        self.turns = TURNS

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        generation = len(self.specs)
        status = self.turns[generation - 1] | {"observedGeneration": generation}
        return json.dumps({"metadata": {"generation": generation}, "status": status})

    def apply(self, name: str, spec: dict[str, Any]) -> None:
        self.specs.append(spec)

    def put_model(self, path: str, data: bytes) -> dict[str, Any]:
        self.files[path] = len(data)
        return {"uri": f"https://models.example/{path}"}

    @contextmanager
    def users(self, name: str, body: bytes, *, rate: float) -> Iterator[Crowd]:
        assert len(self.specs) == 1, "users come when version 1 is live, and see all that follows"
        yield Crowd(self.tally)
        assert len(self.specs) == len(TURNS)

    def look_around(self, name: str) -> str:
        return f"look at {name}"


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> tuple[Played, str]:
    """A stage after the story, and its words."""
    stage = Played(patience=2.0, registry={"repository": "r.example/seatrial-models"})
    tally = Story(stage, began=time.monotonic()).play()
    assert tally.answered == 9
    return stage, capsys.readouterr().out


def test_the_story_applies_two_good_versions_and_two_bad_ones(told: tuple[Played, str]) -> None:
    stage, _ = told
    folders = [spec["model"]["uri"].split("/")[-2] for spec in stage.specs]
    assert folders == ["1", "2", "3", "2", "2"]
    # going back to version 2 is a going back only when nothing in it differs
    assert stage.specs[4] == stage.specs[1]
    assert stage.specs[3] != stage.specs[1]
    assert 2 * stage.files["digits/3/model.skops"] <= stage.files["digits/2/model.skops"]


def test_every_spec_is_one_that_the_operator_takes(told: tuple[Played, str]) -> None:
    for spec in told[0].specs:
        assert Spec.model_validate(spec).build.registry.repository == "r.example/seatrial-models"


def test_a_stage_that_needs_more_time_gives_pods_more_time(told: tuple[Played, str]) -> None:
    assert {spec["rollout"]["progressDeadline"] for spec in told[0].specs} == {"240s"}


def test_the_words_tell_who_answered_and_why_a_version_was_refused(told: tuple[Played, str]) -> None:
    words = told[1]
    assert "6 by version 1 (a), 3 by version 2 (b)" in words
    assert words.index("version 3 is refused: ModelLoadFailed") < words.index(
        "version 4 is taken back: OutOfMemory"
    )


def test_without_a_build_of_its_own_the_settings_decide() -> None:
    assert "build" not in story.spec(Played(), {"uri": "https://models.example/x"})


def played(stage: Played) -> int:
    """The demo's exit code on this stage."""

    def set_up(wanted: Wanted) -> Played:
        assert (wanted.registry, wanted.cluster) == ("r.example", GivenCluster("team"))
        return stage

    return demo.main(["--context", "team", "--registry", "r.example"], set_up=set_up)


def test_the_end_says_how_to_look_around(capsys: pytest.CaptureFixture[str]) -> None:
    assert played(Played()) == 0
    said = capsys.readouterr().out
    assert "9 requests, 0 failed" in said
    assert said.strip().endswith("look at digits")


def test_a_failed_request_fails_the_demo() -> None:
    assert played(Played(tally=Tally(answered=8, failed=1, faults=Counter(lost=1)))) == 1


def test_a_story_that_takes_another_turn_ends_with_the_way_to_remove_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stage = Played(patience=0.0)
    stage.turns = [{"phase": "Building", "message": "the registry is away"}]
    assert played(stage) == 1
    said = capsys.readouterr().err
    assert "version 1 goes live: not within 0 s; the registry is away" in said
    assert said.strip().endswith("make demo-down CONTEXT=team")


def test_what_is_printed_can_be_pasted_into_a_shell() -> None:
    assert on_cluster.take_down(GivenCluster("a b")) == "make demo-down 'CONTEXT=a b'"
    assert GivenCluster("a b").shown == "kubectl '--context=a b'"
