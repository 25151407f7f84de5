"""What is printed at the end: failures in full, where the time went, and one closing line."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.run import results
from tests.run.groups import Group
from tests.run.results import Case, Result
from tests.run.scheduling import Ended

TESTS = """
import pytest
def test_good(): pass
def test_bad(): assert 1 == 2, "one is not two"
@pytest.mark.skip(reason="no root")
def test_left_out(): pass
@pytest.fixture
def leaking():
    yield
    raise RuntimeError("cannot take down")
def test_leaks(leaking): pass
@pytest.fixture
def broken(): raise RuntimeError("cannot set up")
def test_never_starts(broken): pass
"""


def ended(group: Group, code: int = 0, *, began: float = 0.0) -> Ended:
    return Ended(group, code, began, 61.0, 7.4)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """What a real pytest leaves of tests that end in every way."""
    folder = tmp_path_factory.mktemp("ways")
    (folder / "test_ways.py").write_text(TESTS)
    group = Group("ways", (str(folder / "test_ways.py"),))
    argv = [*group.argv(folder), "-ra", "-c", "/dev/null", "--rootdir", str(folder)]
    with group.log_file(folder).open("wb") as log:
        code = subprocess.run(argv, cwd=folder, stdout=log, stderr=log, check=False).returncode
    return results.result_of(ended(group, code), folder)


def test_every_test_has_one_verdict(result: Result) -> None:
    verdicts = {case.name.partition("::")[2]: case.verdict for case in result.cases}
    assert verdicts == {
        "test_good": "passed",
        "test_bad": "failed",
        "test_left_out": "skipped",
        "test_leaks": "failed",
        "test_never_starts": "failed",
    }
    assert result.failed == 3


def test_failures_are_reported_in_full_and_skips_with_their_reason(result: Result) -> None:
    for words in ("one is not two", "cannot take down", "cannot set up"):
        assert words in result.report()
    assert not result.report().startswith(".")
    assert results.skip_lines([result, result]) == ["2 × no root"]


def test_the_closing_line_counts_all_groups(result: Result) -> None:
    lint = Result(ended(Group("lint", command=("ruff",)), 0), [], "All checks passed!")
    assert results.closing_line([result, lint]) == "1 passed, 3 failed, 1 skipped"
    assert re.fullmatch(r"\d+ passed, \d+ failed, \d+ skipped", results.closing_line([]))


def test_a_command_that_fails_counts_as_one_failure_and_is_reported_whole() -> None:
    lint = Result(ended(Group("lint", command=("ruff",)), 1), [], "x.py:1: unused import\n")
    assert results.closing_line([lint]) == "0 passed, 1 failed, 0 skipped"
    assert lint.report() == "x.py:1: unused import\n"


def test_a_pytest_that_crashes_counts_as_a_failure(tmp_path: Path) -> None:
    group = Group("crashed", ("tests",))
    group.log_file(tmp_path).write_text("Segmentation fault")
    group.results_file(tmp_path).write_text("<testsuites><testsuite>")
    assert results.result_of(ended(group, -11), tmp_path).failed == 1


def test_a_selection_without_tests_is_no_failure() -> None:
    assert Result(ended(Group("none", ("tests",)), 5), [], "no tests ran").failed == 0


def test_the_table_has_a_line_for_each_group_in_the_order_of_their_beginning() -> None:
    late = Result(ended(Group("late", resource="node"), began=62.0), [Case("t", 1.0, "passed")], "")
    early = Result(ended(Group("early")), [], "")
    _, first, second = results.table([late, early])
    assert first.split() == ["early", "processor", "0:00", "1:01", "7", "s", "–"]
    assert second.split() == ["late", "node", "1:02", "1:01", "7", "s", "1"]


def test_the_slowest_tests_are_named() -> None:
    cases = [Case(f"t{number}", float(number), "passed") for number in range(20)]
    found = results.slowest([Result(ended(Group("x")), cases, "")], 2)
    assert [line.split()[-1] for line in found] == ["t19", "t18"]
