"""`tests/edge_cases.toml`: every edge case of a rollout has tests that exist, or is deferred."""

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
    """Return the mistakes in the list. `known` has the node ids of all tests, also without parameters."""
    mistakes: list[str] = []
    sentences: set[tuple[str, str]] = set()
    for number, case in enumerate(cases, 1):
        name = f"case {number} ({case.get('sentence', 'without a sentence')})"
        mistakes += [f"{name}: {mistake}" for mistake in _mistakes_of(case, known)]
        sentence = (str(case.get("section")), str(case.get("sentence")))
        mistakes += [f"{name}: is listed twice"] if sentence in sentences else []
        sentences.add(sentence)
    return mistakes


def _mistakes_of(case: Case, known: set[str]) -> Iterable[str]:
    yield from (f"unknown key {key}" for key in set(case) - KEYS)
    for key in ("section", "sentence"):
        if not isinstance(case.get(key), str) or not case[key].strip():
            yield f"needs a {key}"
    tests, later = case.get("tests"), case.get("later")
    if bool(tests) == bool(later):
        yield "needs tests or later, and not both"
    if later is not None and not (isinstance(later, str) and later.strip()):
        yield "later must say what the case waits for"
    if tests is not None and not (isinstance(tests, list) and all(isinstance(test, str) for test in tests)):
        yield "tests must be a list of node ids"
        return
    yield from (f"there is no test {test}" for test in tests or () if test not in known)


def _files_of(cases: Iterable[Case]) -> list[str]:
    """Return the existing test files that the list names; collecting all others would only take time."""
    named = {str(test).split("::")[0] for case in cases for test in case.get("tests", ())}
    return sorted(name for name in named if (ROOT / name).is_file())


def _collected(files: Iterable[str]) -> set[str]:
    """Return the node ids of all tests, of their functions without parameters, and of their files."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    ids = {line for line in output.stdout.splitlines() if "::" in line and " " not in line.split("::")[0]}
    functions = {re.sub(r"\[.*$", "", node) for node in ids}
    return ids | functions | {node.split("::")[0] for node in ids}


def test_every_edge_case_has_an_existing_test_or_is_deferred() -> None:
    if not LIST.exists():
        pytest.skip("there is no list yet")
    cases = tomllib.loads(LIST.read_text(encoding="utf-8")).get("case", [])
    assert cases, "the list is empty"
    assert mistakes_in(cases, _collected(_files_of(cases))) == []


VALID_CASE: Case = {"section": "Start", "sentence": "it starts", "tests": ["tests/t.py::test_a"]}


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        pytest.param({}, None, id="a case with its test"),
        pytest.param({"tests": [], "later": "issue 4"}, None, id="a deferred case"),
        pytest.param({"tests": []}, "needs tests or later", id="neither tests nor later"),
        pytest.param({"later": "issue 4"}, "needs tests or later", id="tests and later"),
        pytest.param({"tests": ["tests/t.py::test_gone"]}, "there is no test", id="a missing test"),
        pytest.param({"sentence": " "}, "needs a sentence", id="no sentence"),
        pytest.param({"note": "x"}, "unknown key note", id="an unknown key"),
        pytest.param({"tests": "tests/t.py"}, "must be a list", id="tests that are not a list"),
    ],
)
def test_invalid_entry_is_reported(change: Case, mistake: str | None) -> None:
    mistakes = mistakes_in([{**VALID_CASE, **change}], {"tests/t.py::test_a"})
    assert (mistake in mistakes[0]) if mistake else mistakes == []


def test_duplicate_sentence_is_reported() -> None:
    mistakes = mistakes_in([VALID_CASE, VALID_CASE], set(VALID_CASE["tests"]))
    assert mistakes == ["case 2 (it starts): is listed twice"]
