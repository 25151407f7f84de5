"""Content with a known digest and size that can be read from any offset: what an upload needs to resume."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that a registry knows by their digest."""

    digest: str
    size: int
    read: Callable[[int], Iterator[bytes]]
    """The content from an offset on, in pieces."""

    def pieces(self, offset: int, length: int) -> Iterator[bytes]:
        """At most `length` bytes from `offset` on."""
        left = length
        for piece in self.read(offset):
            yield piece[:left]
            left -= len(piece)
            if left <= 0:
                return


def of_bytes(content: bytes) -> Blob:
    """A blob in memory."""

    def read(offset: int) -> Iterator[bytes]:
        for start in range(offset, len(content), PIECE):
            yield content[start : start + PIECE]

    return Blob(digest_of(content), len(content), read)


def of_file(path: Path, digest: str) -> Blob:
    """A file whose digest is known."""

    def read(offset: int) -> Iterator[bytes]:
        with path.open("rb") as file:
            file.seek(offset)
            while piece := file.read(PIECE):
                yield piece

    return Blob(digest, path.stat().st_size, read)


def same(content: bytes, digest: str) -> bool:
    """The content has this digest, whichever of the two kinds it is."""
    return _hash(digest, content).hexdigest() == digest.partition(":")[2]


def same_file(path: Path, digest: str) -> bool:
    """The file's content has this digest."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, lambda: _hash(digest))
    return found.hexdigest() == digest.partition(":")[2]


def _hash(digest: str, content: bytes = b"") -> hashlib._Hash:
    return hashlib.sha512(content) if digest.startswith("sha512:") else hashlib.sha256(content)


def digest_of(content: bytes) -> str:
    """`sha256:<hex>`."""
    return "sha256:" + hashlib.sha256(content).hexdigest()
