"""Content with a known digest and size that can be read from any offset: what an upload needs to resume."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CHUNK_SIZE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that a registry knows by their digest."""

    digest: str
    size: int
    read: Callable[[int], Iterator[bytes]]
    """Returns the content from an offset on, in chunks."""

    def chunks(self, offset: int, length: int) -> Iterator[bytes]:
        """Return at most `length` bytes from `offset` on, in chunks."""
        remaining = length
        for chunk in self.read(offset):
            yield chunk[:remaining]
            remaining -= len(chunk)
            if remaining <= 0:
                return


def from_bytes(content: bytes) -> Blob:
    """Return a blob in memory."""

    def read(offset: int) -> Iterator[bytes]:
        for start in range(offset, len(content), CHUNK_SIZE):
            yield content[start : start + CHUNK_SIZE]

    return Blob(digest_of(content), len(content), read)


def from_file(path: Path, digest: str) -> Blob:
    """Return a blob for a file whose digest is known."""

    def read(offset: int) -> Iterator[bytes]:
        with path.open("rb") as file:
            file.seek(offset)
            while chunk := file.read(CHUNK_SIZE):
                yield chunk

    return Blob(digest, path.stat().st_size, read)


def has_digest(content: bytes, digest: str) -> bool:
    """Return whether the content has this digest, sha256 or sha512."""
    return _hash(digest, content).hexdigest() == digest.partition(":")[2]


def file_has_digest(path: Path, digest: str) -> bool:
    """Return whether the file's content has this digest."""
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, lambda: _hash(digest))
    return actual.hexdigest() == digest.partition(":")[2]


def _hash(digest: str, content: bytes = b"") -> hashlib._Hash:
    return hashlib.sha512(content) if digest.startswith("sha512:") else hashlib.sha256(content)


def digest_of(content: bytes) -> str:
    """Return `sha256:<hex>`."""
    return "sha256:" + hashlib.sha256(content).hexdigest()
