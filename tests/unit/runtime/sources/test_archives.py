"""Archives come from outside: no path escapes, size is bounded, damage is reported."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import random
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model_runtime.failures import BuildBroken, BuildFailure, LoadFailed
from model_runtime.sources import archives, limits
from tests.unit.runtime.registry.fixtures import tar_of

Pack = Callable[[bytes], bytes]
PACKED = [
    pytest.param(bytes, id="plain"),
    pytest.param(gzip.compress, id="gzip"),
    pytest.param(bz2.compress, id="bzip2"),
    pytest.param(lzma.compress, id="xz"),
    pytest.param(lambda content: lzma.compress(content, lzma.FORMAT_ALONE), id="lzma"),
]
NOISE = random.Random(3).randbytes(300_000)


def unpacked(folder: Path, content: bytes, *, files: int = 100, size: int = 10 << 20) -> dict[str, bytes]:
    """Return the files below the folder, by path."""
    (folder / "packed").write_bytes(content)
    (folder / "out").mkdir(exist_ok=True)
    room = limits.Quota(limits.Limits(files, size, folder))
    archives.unpack(folder / "packed", folder / "out", quota=room)
    return standing(folder / "out")


def standing(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def tar(*entries: tarfile.TarInfo | tuple[tarfile.TarInfo, bytes], kind: int = tarfile.PAX_FORMAT) -> bytes:
    """Return a tar with these headers, correct or not."""
    made = b""
    for entry in entries:
        info, content = entry if isinstance(entry, tuple) else (entry, b"")
        made += info.tobuf(kind) + content + bytes(-len(content) % 512)
    return made + bytes(1024)


def entry(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, **more: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.size = kind, size
    for key, value in more.items():
        setattr(made, key, value)
    return made


@pytest.mark.parametrize("pack", PACKED)
def test_an_archive_is_unpacked_by_content_not_by_name(tmp_path: Path, pack: Pack) -> None:
    files = {"model.skops": "m", "deep/er/example.json": "[]", "./with dots": "d", "empty": ""}
    found = unpacked(tmp_path, pack(tar_of(files)))

    assert found == {name.removeprefix("./"): text.encode() for name, text in files.items()}


@pytest.mark.parametrize(
    "name", ["a model.bin", "größe/modèle.bin", "模型.onnx", "a'b\"c.bin", "-rf", "x" * 255]
)
def test_names_may_have_spaces_and_any_letters(tmp_path: Path, name: str) -> None:
    assert unpacked(tmp_path, tar_of({name: "m"})) == {name: b"m"}


@pytest.mark.parametrize(
    "name",
    [
        "../escaped",
        "a/../../escaped",
        "/escaped",
        "a//b",
        "a/./b",
        "..",
        ".",
        "a\\b",
        "..\\escaped",
        "a\nb",
        "a\x1b[2J",
        "a\u202eb",
        "x" * 256,
        "ä" * 200,
        "/".join(["d"] * 300),
    ],
)
def test_an_escaping_or_unprintable_name_is_rejected(tmp_path: Path, name: str) -> None:
    with pytest.raises(BuildBroken, match="Rename it there, or remove it") as failure:
        unpacked(tmp_path, tar((entry(name, size=1), b"x")))
    assert standing(tmp_path / "out") == {}
    assert failure.value.message.isprintable(), "the sentence ends in a terminal"


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE],
    ids=["a link", "a hard link", "a character device", "a block device", "a pipe"],
)
def test_only_regular_files_are_accepted(tmp_path: Path, kind: bytes) -> None:
    with pytest.raises(BuildBroken, match="only regular files"):
        unpacked(tmp_path, tar(entry("model", kind, linkname="/etc/passwd")))
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    "names", [("a", "a"), ("a", "a/b"), ("a/b", "a")], ids=["twice", "below a file", "over a folder"]
)
def test_a_duplicate_file_is_rejected(tmp_path: Path, names: tuple[str, str]) -> None:
    with pytest.raises(BuildBroken, match="exists twice"):
        unpacked(tmp_path, tar(*((entry(name, size=1), b"x") for name in names)))


# more than there is room for


def test_a_bomb_ends_before_the_disk_is_full(tmp_path: Path) -> None:
    bomb = gzip.compress(tar((entry("zeros", size=64 << 20), bytes(64 << 20))))
    assert len(bomb) < 100_000

    with pytest.raises(BuildBroken, match="no space"):
        unpacked(tmp_path, bomb, size=1 << 20)
    assert standing(tmp_path / "out") == {}


def test_a_bomb_of_many_small_files_ends_at_the_limit(tmp_path: Path) -> None:
    files = [(entry(f"f{number}", size=1000), b"x" * 1000) for number in range(50)]

    with pytest.raises(BuildBroken, match="no space"):
        unpacked(tmp_path, tar(*files), size=20_500)
    assert len(standing(tmp_path / "out")) == 20


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.DIRTYPE], ids=["files", "folders"])
def test_a_bomb_of_names_ends_at_the_limit(tmp_path: Path, kind: bytes) -> None:
    with pytest.raises(BuildBroken, match="more than 100 files"):
        unpacked(tmp_path, tar(*(entry(f"n{number}", kind) for number in range(101))))


def test_the_last_file_within_the_limit_is_accepted(tmp_path: Path) -> None:
    files = {f"f{number}": "x" for number in range(100)}

    assert len(unpacked(tmp_path, tar_of(files), size=100)) == 100


@pytest.mark.parametrize(
    "kind",
    [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK],
    ids=["attributes", "attributes of all", "a long name", "a long link"],
)
def test_an_endless_header_is_not_read_into_memory(tmp_path: Path, kind: bytes) -> None:
    size = 48 << 20
    bomb = gzip.compress(tar((entry("h", kind, size=size), b"9 path=x\n" + bytes(size - 9)), entry("m")))

    with pytest.raises(LoadFailed, match="cannot be unpacked: a header of 48 MiB"):
        unpacked(tmp_path, bomb)


def test_too_many_attributes_are_rejected(tmp_path: Path) -> None:
    def attributes(number: int) -> tuple[tarfile.TarInfo, bytes]:
        record = f" k{number}={'v' * 90_000}\n"
        text = f"{len(record) + 5}{record}".encode()
        return entry("g", tarfile.XGLTYPE, size=len(text)), text

    entries = [one for number in range(10, 30) for one in (attributes(number), entry(f"f{number}"))]
    with pytest.raises(BuildBroken, match="too many attributes"):
        unpacked(tmp_path, tar(*entries))


@pytest.mark.parametrize("record", [b"14 size=-1000\n", b"11 size=-1\n"])
def test_a_negative_size_is_rejected(tmp_path: Path, record: bytes) -> None:
    content = tar((entry("p", tarfile.XHDTYPE, size=len(record)), record), entry("model"))

    with pytest.raises(BuildFailure):
        unpacked(tmp_path, content)


def test_an_endless_chain_of_headers_is_damage(tmp_path: Path) -> None:
    record = b"9 path=x\n"
    chain = tar(*((entry("p", tarfile.XHDTYPE, size=len(record)), record) for _ in range(3000)))

    with pytest.raises(LoadFailed, match="cannot be unpacked"):
        unpacked(tmp_path, gzip.compress(chain))


# damage


@pytest.mark.parametrize("pack", PACKED)
@pytest.mark.parametrize("part", [0.01, 0.3, 0.6, 0.99])
def test_a_truncated_archive_is_damaged(tmp_path: Path, pack: Pack, part: float) -> None:
    whole = pack(tar((entry("model", size=len(NOISE)), NOISE)))

    with pytest.raises(LoadFailed, match="Pack and upload it again"):
        unpacked(tmp_path, whole[: int(len(whole) * part)])


@pytest.mark.parametrize("pack", PACKED)
@pytest.mark.parametrize(
    "rest",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(bytes(511), id="half an end"),
        pytest.param(b"x" * 512 + bytes(1024), id="a damaged header"),
        pytest.param(entry("b").tobuf()[:300], id="half a header"),
    ],
)
def test_an_archive_truncated_after_its_first_file_is_damaged(
    tmp_path: Path, pack: Pack, rest: bytes
) -> None:
    first = tar((entry("a", size=3), b"abc"))[:-1024]

    with pytest.raises(LoadFailed, match="too early, or is damaged"):
        unpacked(tmp_path, pack(first + rest))


@pytest.mark.parametrize("end", [bytes(512), bytes(1024), bytes(10_240), bytes(512) + b"x" * 512])
def test_one_block_of_zeros_ends_an_archive(tmp_path: Path, end: bytes) -> None:
    first = tar((entry("a", size=3), b"abc"))[:-1024]

    assert unpacked(tmp_path, first + end) == {"a": b"abc"}


@pytest.mark.parametrize("pack", PACKED[1:])
@pytest.mark.parametrize("place", [0.02, 0.5, 0.9])
def test_a_corrupted_archive_is_damaged_or_changes_the_digest(
    tmp_path: Path, pack: Pack, place: float
) -> None:
    text = random.Random(4).choices(b"abcdefgh", k=300_000)
    whole = bytearray(pack(tar((entry("model", size=len(text)), bytes(text)))))
    start = int(len(whole) * place)
    whole[start : start + 64] = bytes(64)

    with contextlib.suppress(LoadFailed):
        assert unpacked(tmp_path, bytes(whole))["model"] != bytes(text)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x1f\x8b", b"\x1f\x8bnothing", b"BZh9nothing", b"\xfd7zXZ\0nothing", b"PK\x03\x04", b"x" * 5000],
)
def test_other_content_is_damaged(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(LoadFailed, match="packed cannot be unpacked"):
        unpacked(tmp_path, content)


_parts = st.sampled_from(["a", "b", "..", ".", "", "ä", "a b", "\\", "c" * 300, "\0", "\n"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(names=st.lists(st.lists(_parts, min_size=1, max_size=4).map("/".join), max_size=4))
def test_no_name_escapes_from_the_folder(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    folder = tmp_path_factory.mktemp("archive")
    with contextlib.suppress(BuildFailure):
        unpacked(folder, tar_of(dict.fromkeys(names, "x")))

    outside = {path.name for path in folder.iterdir()} - {"packed", "out"}
    assert outside == set()


@given(name=st.text(max_size=40))
def test_any_name_is_a_path_below_the_folder_or_rejected(name: str) -> None:
    try:
        place = limits.path_of(name, Path("/work/model"))
    except BuildBroken:
        return
    assert place.as_posix() == f"/work/model/{name.removeprefix('./')}"
    assert place.is_relative_to("/work/model")
    assert place != Path("/work/model")
