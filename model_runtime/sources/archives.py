"""Unpack a tar: nothing outside its folder, and nothing but regular files."""

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
LARGEST_HEADER: Final = limits.CHUNK_SIZE
"""Bytes of a header, and of all attributes of a file: `tarfile` reads them into memory."""

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
    """Return whether the name has the ending of an archive."""
    return path.name.endswith(ENDINGS)


def unpack(archive: Path, folder: Path, *, quota: limits.Quota) -> None:
    """Unpack the archive into `folder`.

    `BuildBroken` for a path outside the folder, a link, or more than the quota; `LoadFailed` for a damaged archive.
    """
    try:
        stream = _open(archive)
        with stream as content, tarfile.open(fileobj=content, mode="r:") as tar:
            for member in tar:
                _extract(tar, member, folder, quota)
        if not stream.ended:
            raise tarfile.ReadError("it ends too early, or is damaged in the middle")
    except _DAMAGED as error:
        raise _damaged(archive, error) from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise _damaged(archive, error) from error


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, quota: limits.Quota) -> None:
    quota.add_file(0 if member.isdir() else member.size, member.name)
    if sum(len(str(value)) for value in member.pax_headers.values()) > LARGEST_HEADER:
        raise limits.rejected_file(member.name, "has too many attributes", limits.PACK_AGAIN)
    if member.isdir():
        return
    if not member.isfile():
        raise limits.rejected_file(
            member.name, "is a link or a device; only regular files are accepted", limits.PLAIN_FILE
        )
    target = limits.path_of(member.name, folder)
    content = tar.extractfile(member)
    if content is None:
        return
    with content, limits.create_file(target, member.name) as file:
        while chunk := content.read(limits.CHUNK_SIZE):
            file.write(chunk)


class _Stream:
    """Limits what `tarfile` reads at once, whatever size a header announces."""

    def __init__(self, content: IO[bytes]) -> None:
        self.content = content
        self._last = b""

    @property
    def ended(self) -> bool:
        """Return whether the last block is the zeros at the end: `tarfile` also stops at a damaged header."""
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


def _open(archive: Path) -> _Stream:
    """Open the tar and decompress it by its first bytes: blobs have no file name endings."""
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
