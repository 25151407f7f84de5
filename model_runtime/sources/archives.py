"""A model that came as one tar: unpacked, with nothing outside its folder and nothing but plain files."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zlib
from pathlib import Path
from typing import IO, Final, cast

from model_runtime.failures import LoadFailed
from model_runtime.sources import limits

ENDINGS: Final = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
LARGEST_HEADER: Final = limits.PIECE
"""Bytes of a header, and of all attributes of a file: they are read into memory."""

_DAMAGED: Final = (
    tarfile.TarError,
    EOFError,
    ValueError,
    OverflowError,
    RecursionError,
    zlib.error,
    lzma.LZMAError,
)


def is_archive(path: Path) -> bool:
    """The name says that it is one."""
    return path.name.endswith(ENDINGS)


def unpack(archive: Path, into: Path, *, room: limits.Room) -> None:
    """The archive's files stand below `into`.

    `BuildBroken` for a path that leads out, a link, or more than there is room; `LoadFailed` when it is damaged.
    """
    try:
        stream = _opened(archive)
        with stream as content, tarfile.open(fileobj=content, mode="r:") as tar:
            for member in tar:
                _take(tar, member, into, room)
        if not stream.ended:
            raise tarfile.ReadError("it ends too early, or is damaged in the middle")
    except _DAMAGED as error:
        raise _damaged(archive, error) from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise _damaged(archive, error) from error


def _take(tar: tarfile.TarFile, member: tarfile.TarInfo, into: Path, room: limits.Room) -> None:
    room.take(0 if member.isdir() else member.size, member.name)
    if sum(len(str(value)) for value in member.pax_headers.values()) > LARGEST_HEADER:
        raise limits.refused(member.name, "has attributes without end", limits.PACK_AGAIN)
    if member.isdir():
        return
    if not member.isfile():
        raise limits.refused(
            member.name, "is a link or a device; only plain files are taken", limits.PLAIN_FILE
        )
    target = limits.inside(into, member.name)
    content = tar.extractfile(member)
    if content is None:
        return
    with content, limits.created(target, member.name) as file:
        while piece := content.read(limits.PIECE):
            file.write(piece)


class _Stream:
    """What `tarfile` reads from: never more at once than a header may have, however much it promises."""

    def __init__(self, content: IO[bytes]) -> None:
        self.content = content
        self._last = b""

    @property
    def ended(self) -> bool:
        """The last that was read is the block of zeros at the end: `tarfile` also stops at a damaged header."""
        return len(self._last) == tarfile.BLOCKSIZE and not any(self._last)

    def __enter__(self) -> IO[bytes]:
        return cast("IO[bytes]", self)

    def __exit__(self, *_: object) -> None:
        self.content.close()

    def read(self, size: int) -> bytes:
        if size > LARGEST_HEADER:
            raise tarfile.ReadError(f"a header of {size >> 20} MiB")
        self._last = self.content.read(size)
        return self._last

    def seek(self, position: int) -> int:
        return self.content.seek(position)

    def tell(self) -> int:
        return self.content.tell()


def _opened(archive: Path) -> _Stream:
    """The tar in it, by what it begins with: names of blobs have no endings."""
    with archive.open("rb") as file:
        head = file.read(6)
    if head.startswith(b"\x1f\x8b"):
        return _Stream(cast("IO[bytes]", gzip.open(archive)))
    if head.startswith(b"BZh"):
        return _Stream(bz2.open(archive))
    if head.startswith((b"\xfd7zXZ", b"\x5d\x00\x00")):
        return _Stream(lzma.open(archive))
    return _Stream(archive.open("rb"))


def _damaged(archive: Path, error: Exception) -> LoadFailed:
    return LoadFailed(f"{archive.name} cannot be unpacked: {error}. Pack and upload it again.")
