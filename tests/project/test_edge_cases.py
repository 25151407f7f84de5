"""`tests/edge_cases.toml`: every sentence about what a rollout does is shown by tests that exist, or is for later."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from typing import Any

import pytest

from tests.project.source import ROOT

LIST = ROOT / "tests/edge_cases.toml"
KEYS = {"section", "sentence", "tests", "later"}
Case = dict[str, Any]


def mistakes_in(cases: Iterable[Case], known: set[str]) -> list[str]:
    """What is wrong with the list. `known`: the node ids of all tests, also without their parameters."""
    found: list[str] = []
    seen: set[tuple[str, str]] = set()
    for number, case in enumerate(cases, 1):
        name = f"case {number} ({case.get('sentence', 'without a sentence')})"
        found += [f"{name}: {mistake}" for mistake in _mistakes_of(case, known)]
        place = (str(case.get("section")), str(case.get("sentence")))
        found += [f"{name}: stands there twice"] if place in seen else []
        seen.add(place)
    return found


def _mistakes_of(case: Case, known: set[str]) -> Iterable[str]:
    yield from (f"unknown key {key}" for key in set(case) - KEYS)
    for key in ("section", "sentence"):
        if not isinstance(case.get(key), str) or not case[key].strip():
            yield f"needs a {key}"
    tests, later = case.get("tests"), case.get("later")
    if bool(tests) == bool(later):
        yield "needs tests or later, and not both"
    if later is not None and not (isinstance(later, str) and later.strip()):
        yield "later must name an issue"
    if tests is not None and not (isinstance(tests, list) and all(isinstance(test, str) for test in tests)):
        yield "tests must be a list of node ids"
        return
    yield from (f"there is no test {test}" for test in tests or () if test not in known)


def _files_of(cases: Iterable[Case]) -> list[str]:
    """The test files that the list names and that exist: no other is collected, since that takes its time."""
    named = {str(test).split("::")[0] for case in cases for test in case.get("tests", ())}
    return sorted(name for name in named if (ROOT / name).is_file())


def _collected(files: Iterable[str]) -> set[str]:
    """Every test by its node id, and by that of its function, class and file; skipped ones are not there."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    ids = {line for line in listed.stdout.splitlines() if "::" in line and " " not in line.split("::")[0]}
    bare = {re.sub(r"\[.*$", "", node) for node in ids}
    return ids | bare | {node.split("::")[0] for node in ids}


def test_every_sentence_is_shown_by_a_test_or_is_for_later() -> None:
    if not LIST.exists():
        pytest.skip("there is no list yet")
    cases = tomllib.loads(LIST.read_text(encoding="utf-8")).get("case", [])
    assert cases, "the list is empty"
    assert mistakes_in(cases, _collected(_files_of(cases))) == []


GOOD: Case = {"section": "Start", "sentence": "it starts", "tests": ["tests/t.py::test_a"]}


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        pytest.param({}, None, id="a sentence with its test"),
        pytest.param({"tests": [], "later": "issue 4"}, None, id="a sentence for later"),
        pytest.param({"tests": []}, "needs tests or later", id="a sentence with neither"),
        pytest.param({"later": "issue 4"}, "needs tests or later", id="a sentence with both"),
        pytest.param({"tests": ["tests/t.py::test_gone"]}, "there is no test", id="a test that is gone"),
        pytest.param({"sentence": " "}, "needs a sentence", id="no sentence"),
        pytest.param({"note": "x"}, "unknown key note", id="an unknown key"),
        pytest.param({"tests": "tests/t.py"}, "must be a list", id="tests that are no list"),
    ],
)
def test_a_mistake_in_the_list_is_named(change: Case, mistake: str | None) -> None:
    found = mistakes_in([{**GOOD, **change}], {"tests/t.py::test_a"})
    assert (mistake in found[0]) if mistake else found == []


def test_a_sentence_that_stands_there_twice_is_named() -> None:
    assert mistakes_in([GOOD, GOOD], set(GOOD["tests"])) == ["case 2 (it starts): stands there twice"]
