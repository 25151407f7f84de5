"""Folders as image layers: the same files are the same bytes, whoever packs them and when.

A layer is never written down: it is a list of headers and stretches of files, read when it is hashed and again
when it is sent, from any offset. Small ones are compressed in memory.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from model_runtime.registry import blobs
from model_runtime.registry.blobs import Blob

LARGEST_COMPRESSED: Final = 32 << 20
"""Bytes of tar: weights hardly shrink, and gzip takes longer than a registry in the same network."""

_BLOCK: Final = 512
_END: Final = 2 * _BLOCK


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: what is stored, and the digest of its tar by which a config knows it."""

    blob: Blob
    diff_id: str
    compressed: bool
    comment: str


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A piece of the tar: bytes made here, or a whole file's."""

    made: bytes
    path: Path | None
    size: int


def layer_of(folder: Path, at: str, *, comment: str, date: int = 0) -> Layer:
    """The folder's files as they shall stand below the absolute path `at`, dated `date`."""
    stretches = list(_stretches(folder, PurePosixPath(at.lstrip("/")), date))
    size = sum(stretch.size for stretch in stretches)
    if size <= LARGEST_COMPRESSED:
        tar = b"".join(_read(stretches, 0))
        packed = io.BytesIO()
        with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=packed, mtime=0) as file:
            file.write(tar)
        return Layer(
            blobs.of_bytes(packed.getvalue()), blobs.digest_of(tar), compressed=True, comment=comment
        )
    sha = hashlib.sha256()
    for piece in _read(stretches, 0):
        sha.update(piece)
    digest = f"sha256:{sha.hexdigest()}"
    blob = Blob(digest, size, lambda offset: _read(stretches, offset))
    return Layer(blob, digest, compressed=False, comment=comment)


def _stretches(folder: Path, at: PurePosixPath, date: int) -> Iterator[_Stretch]:
    for parent in [*reversed(at.parents[:-1]), at][1:]:
        yield _made(_header(str(parent), tarfile.DIRTYPE, 0, date))
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).parts):
        name = str(at / path.relative_to(folder).as_posix())
        if path.is_dir():
            yield _made(_header(name, tarfile.DIRTYPE, 0, date))
            continue
        size = path.stat().st_size
        yield _made(_header(name, tarfile.REGTYPE, size, date))
        yield _Stretch(b"", path, size)
        yield _made(bytes(-size % _BLOCK))
    yield _made(bytes(_END))


def _made(content: bytes) -> _Stretch:
    return _Stretch(content, None, len(content))


def _header(name: str, kind: bytes, size: int, date: int) -> bytes:
    """The same for everybody: owned by root, readable by every uid that a cluster may choose."""
    entry = tarfile.TarInfo(name + ("/" if kind == tarfile.DIRTYPE else ""))
    entry.type, entry.size, entry.mtime = kind, size, date
    entry.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    return entry.tobuf(tarfile.PAX_FORMAT)


def _read(stretches: Iterable[_Stretch], offset: int) -> Iterator[bytes]:
    position = 0
    for stretch in stretches:
        skipped = min(max(0, offset - position), stretch.size)
        position += stretch.size
        if skipped == stretch.size:
            continue
        if stretch.path is None:
            yield stretch.made[skipped:]
        else:
            yield from _file(stretch.path, skipped, stretch.size)


def _file(path: Path, offset: int, size: int) -> Iterator[bytes]:
    """Exactly the bytes that the header promised: a file that changed meanwhile would shift all others."""
    with path.open("rb") as file:
        file.seek(offset)
        left = size - offset
        while left:
            piece = file.read(min(blobs.PIECE, left))
            if not piece:
                raise OSError(f"{path.name} became shorter while it was packed")
            left -= len(piece)
            yield piece
