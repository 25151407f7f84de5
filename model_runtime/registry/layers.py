"""Folders as image layers: the same files make the same bytes, whoever packs them and when.

A layer is never written to disk: it is a list of tar headers and file contents, read when it is hashed and again
when it is uploaded, from any offset. Small layers are compressed in memory.
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
"""Bytes of tar. Weights hardly shrink, and gzip takes longer than a registry in the same network."""

_BLOCK: Final = 512
_END: Final = 2 * _BLOCK


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: the blob to store, and the digest of its uncompressed tar, which the image's config lists."""

    blob: Blob
    diff_id: str
    compressed: bool
    comment: str


@dataclass(frozen=True, slots=True)
class _Segment:
    """A part of the tar: bytes in memory, or a whole file."""

    content: bytes
    path: Path | None
    size: int


def layer_of(folder: Path, target: str, *, comment: str, date: int = 0) -> Layer:
    """Return the folder's files as a layer that puts them below the absolute path `target`, dated `date`."""
    segments = list(_segments(folder, PurePosixPath(target.lstrip("/")), date))
    size = sum(segment.size for segment in segments)
    if size <= LARGEST_COMPRESSED:
        return _compressed(b"".join(_read(segments, 0)), comment)
    sha = hashlib.sha256()
    for chunk in _read(segments, 0):
        sha.update(chunk)
    digest = f"sha256:{sha.hexdigest()}"
    blob = Blob(digest, size, lambda offset: _read(segments, offset))
    return Layer(blob, digest, compressed=False, comment=comment)


def _compressed(tar: bytes, comment: str) -> Layer:
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=packed, mtime=0) as file:
        file.write(tar)
    return Layer(blobs.from_bytes(packed.getvalue()), blobs.digest_of(tar), compressed=True, comment=comment)


def _segments(folder: Path, target: PurePosixPath, date: int) -> Iterator[_Segment]:
    for parent in [*reversed(target.parents[:-1]), target][1:]:
        yield _in_memory(_header(str(parent), tarfile.DIRTYPE, 0, date))
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).parts):
        name = str(target / path.relative_to(folder).as_posix())
        if path.is_dir():
            yield _in_memory(_header(name, tarfile.DIRTYPE, 0, date))
            continue
        size = path.stat().st_size
        yield _in_memory(_header(name, tarfile.REGTYPE, size, date))
        yield _Segment(b"", path, size)
        yield _in_memory(bytes(-size % _BLOCK))
    yield _in_memory(bytes(_END))


def _in_memory(content: bytes) -> _Segment:
    return _Segment(content, None, len(content))


def _header(name: str, kind: bytes, size: int, date: int) -> bytes:
    """Return a header that is the same everywhere: owned by root, readable by any uid that a cluster may choose."""
    entry = tarfile.TarInfo(name + ("/" if kind == tarfile.DIRTYPE else ""))
    entry.type, entry.size, entry.mtime = kind, size, date
    entry.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    return entry.tobuf(tarfile.PAX_FORMAT)


def _read(segments: Iterable[_Segment], offset: int) -> Iterator[bytes]:
    position = 0
    for segment in segments:
        skipped = min(max(0, offset - position), segment.size)
        position += segment.size
        if skipped == segment.size:
            continue
        if segment.path is None:
            yield segment.content[skipped:]
        else:
            yield from _file(segment.path, skipped, segment.size)


def _file(path: Path, offset: int, size: int) -> Iterator[bytes]:
    """Return exactly the bytes that the header announced: a file that changed would shift all others."""
    with path.open("rb") as file:
        file.seek(offset)
        remaining = size - offset
        while remaining:
            chunk = file.read(min(blobs.CHUNK_SIZE, remaining))
            if not chunk:
                raise OSError(f"{path.name} became shorter while it was packed")
            remaining -= len(chunk)
            yield chunk
