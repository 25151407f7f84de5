"""Every test belongs to exactly one group, and groups name only what exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.run import groups
from tests.run.groups import Group

NAMED = [group for group in groups.TEST if group.paths and group.paths[0] != "tests"]


@pytest.mark.parametrize("group", NAMED, ids=lambda group: group.name)
def test_a_group_names_paths_that_exist(group: Group) -> None:
    assert [path for path in group.paths if not (groups.ROOT / path).exists()] == []


def test_no_path_lies_within_that_of_another_group() -> None:
    paths = [Path(path) for group in NAMED for path in group.paths]
    assert [
        (one, other) for one in paths for other in paths if one != other and one.is_relative_to(other)
    ] == []
    assert len(set(paths)) == len(paths)


def test_everything_else_takes_all_that_no_group_names() -> None:
    (rest,) = (group for group in groups.TEST if group.paths and group.paths[0] == "tests")
    ignored = {path.removeprefix("--ignore=") for path in rest.paths[1:]}
    assert ignored == {path for group in NAMED for path in group.paths}


def test_group_names_are_unique_and_so_are_their_files() -> None:
    assert len({group.file_name for group in groups.TEST}) == len(groups.TEST)


def test_a_group_waits_only_for_groups_that_exist() -> None:
    names = {group.name for group in groups.TEST}
    assert [name for group in groups.TEST for name in group.after if name not in names] == []


def test_a_selected_group_does_not_wait_for_one_that_is_not_selected() -> None:
    both = (Group("a"), Group("b", after=("a", "c")))
    assert groups.selected(both, []) == (Group("a"), Group("b", after=("a",)))
    assert groups.selected(both, ["b"]) == (Group("b"),)


def test_check_is_a_part_of_test() -> None:
    assert set(groups.CHECK) <= set(groups.TEST)


def test_check_leaves_out_only_groups_whose_tests_all_need_a_cluster() -> None:
    for group in set(groups.TEST) - set(groups.CHECK):
        for path in group.paths:
            text = (groups.ROOT / path).read_text(encoding="utf-8")
            assert "pytestmark = " in text, path
            assert "pytest.mark.node" in text or "pytest.mark.controlplane" in text, path


def test_pytest_runs_the_selection_and_writes_its_results(tmp_path: Path) -> None:
    argv = Group("one: two", ("tests/unit",)).argv(tmp_path, select="not slow")
    assert argv[1:4] == ["-m", "pytest", "-q"]
    assert argv[-3:] == ["-m", "not slow", "tests/unit"]
    assert f"--junitxml={tmp_path}/one--two.xml" in argv


def test_a_command_is_run_as_it_is(tmp_path: Path) -> None:
    assert Group("lint", command=("ruff", "check")).argv(tmp_path, select="x") == ["ruff", "check"]
