"""What a command says first is true of the caches that it finds."""

from pathlib import Path

import pytest

from tests.cluster import __main__ as command_line
from tests.cluster import cache, expectation, images, versions
from tests.cluster.expectation import RUNS


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository without a virtual environment, and an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def fill_caches(name: str, *, root: Path) -> None:
    (root / ".venv").mkdir()
    (root / ".venv" / ".ready").touch()
    for folder, names in (("bin", RUNS[name].tools), ("images", RUNS[name].images)):
        (cache.root() / folder).mkdir()
        for each in names:
            (cache.root() / folder / f"{each}-0123456789abcdef").touch()


@pytest.mark.parametrize("name", RUNS)
def test_from_nothing_it_names_all_that_must_be_made_and_its_time(name: str, root: Path) -> None:
    what, *steps, time = expectation.lines(name, root=root)
    assert what.startswith(f"make {name} ")
    for made in (str(root / ".venv"), *RUNS[name].tools, *RUNS[name].images):
        assert any(made in step for step in steps)
    first, then = (int(words.split()[0]) for words in time.partition("about ")[2].split("about "))
    assert 10 <= first <= 20
    assert then == RUNS[name].seconds // 60


@pytest.mark.parametrize("name", RUNS)
def test_with_full_caches_only_the_run_itself_takes_time(name: str, root: Path) -> None:
    fill_caches(name, root=root)
    _, time = expectation.lines(name, root=root)
    assert time.endswith(f"everything is in the caches: this takes about {RUNS[name].seconds // 60} minutes")


def test_only_what_is_missing_is_counted(root: Path) -> None:
    fill_caches("demo", root=root)
    (cache.root() / "bin" / "helm-0123456789abcdef").unlink()
    _, step, time = expectation.lines("demo", root=root)
    assert step == "· to do once: compile helm from Go modules"
    assert "about 1 minute of preparation" in time


def test_the_demo_says_at_once_that_it_needs_root(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert command_line.main(["expect", "demo"]) == 1
    assert "needs root" in capsys.readouterr().err
    assert command_line.main(["expect", "test"]) == 0


@pytest.mark.parametrize("name", RUNS)
def test_a_run_needs_programs_and_images_that_exist(name: str) -> None:
    assert set(RUNS[name].tools) <= set(versions.GO_TOOLS)
    assert [images.recipe_of(image).name for image in RUNS[name].images] == list(RUNS[name].images)


@pytest.mark.parametrize(("seconds", "text"), [(0, "1 minute"), (89, "1 minute"), (91, "2 minutes")])
def test_times_are_whole_minutes(seconds: float, text: str) -> None:
    assert expectation.minutes(seconds) == text
