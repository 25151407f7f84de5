"""What is in the cache is whole, and is found again exactly when its inputs are the same."""

import os
import threading
from pathlib import Path

import pytest

from tests.cluster import cache


def test_the_root_follows_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.root() == tmp_path / "seatrial"
    assert cache.root().is_dir()


def test_labs_may_live_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEATRIAL_LAB_DIR", str(tmp_path / "labs"))
    assert cache.labs() == tmp_path / "labs"


def test_a_key_depends_on_every_part_and_on_where_parts_end() -> None:
    keys = {cache.key_of("a", "bc"), cache.key_of("ab", "c"), cache.key_of("abc"), cache.key_of("bc", "a")}
    assert len(keys) == 4
    assert cache.key_of("a", "bc") == cache.key_of(b"a", b"bc")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda folder: (folder / "a").write_text("2"), id="content"),
        pytest.param(lambda folder: (folder / "a").rename(folder / "b"), id="name"),
        pytest.param(lambda folder: (folder / "a").chmod(0o755), id="executable"),
        pytest.param(lambda folder: (folder / "c").write_text(""), id="a new file"),
    ],
)
def test_contents_notice_a_change(tmp_path: Path, change: object) -> None:
    (tmp_path / "a").write_text("1")
    before = cache.contents(tmp_path)
    assert callable(change)
    change(tmp_path)
    assert cache.contents(tmp_path) != before


def test_contents_do_not_notice_times_and_bytecode(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    before = cache.contents(tmp_path)
    os.utime(tmp_path / "a", (1, 1))
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("x")
    assert cache.contents(tmp_path) == before


def test_a_thing_is_made_once(tmp_path: Path) -> None:
    calls = []

    def make(path: Path) -> None:
        calls.append(path)
        path.write_text("made")

    assert cache.made(tmp_path / "x" / "thing", make) == cache.made(tmp_path / "x" / "thing", make)
    assert len(calls) == 1
    assert (tmp_path / "x" / "thing").read_text() == "made"


def test_a_maker_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def make(path: Path) -> None:
        path.write_text("half")
        raise RuntimeError("no space")

    with pytest.raises(RuntimeError, match="no space"):
        cache.made(tmp_path / "thing", make)
    assert [path.name for path in tmp_path.iterdir()] == [".thing.lock"]


def test_what_a_killed_maker_left_is_gone_once_somebody_makes_it_anew(tmp_path: Path) -> None:
    remains = tmp_path / ".thing.x7y8"
    remains.mkdir()
    (remains / "half").write_text("half")
    (tmp_path / ".things.other").mkdir()
    cache.made(tmp_path / "thing", Path.touch)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".thing.lock", ".things.other", "thing"]


def test_two_who_want_the_same_at_once_get_one_and_the_same(tmp_path: Path) -> None:
    calls, both = [], threading.Barrier(2, timeout=30)

    def make(path: Path) -> None:
        calls.append(path)
        path.write_text("made")

    def want() -> None:
        both.wait()
        cache.made(tmp_path / "thing", make)

    wanting = [threading.Thread(target=want) for _ in range(2)]
    for thread in wanting:
        thread.start()
    for thread in wanting:
        thread.join()
    assert len(calls) == 1


def test_nobody_is_in_a_locked_body_beside_another(tmp_path: Path) -> None:
    inside, seen = 0, []

    def enter() -> None:
        nonlocal inside
        for _ in range(20):
            with cache.locked(tmp_path / "lock"):
                inside += 1
                seen.append(inside)
                inside -= 1
                (tmp_path / "lock").unlink()  # the last act, as in `down`: who waits locks another file

    entering = [threading.Thread(target=enter) for _ in range(4)]
    for thread in entering:
        thread.start()
    for thread in entering:
        thread.join()
    assert seen == [1] * 80


def test_a_lock_is_free_after_a_body_that_failed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), cache.locked(tmp_path / "lock"):
        raise RuntimeError
    with cache.locked(tmp_path / "lock"):
        pass
