"""One digest for the files of a model, which a person can compute with `sha256sum`.

One file: the sha256 of its content. A folder: the sha256 of the text that
`find . -type f -printf '%P\\n' | LC_ALL=C sort | xargs -d '\\n' sha256sum` prints in it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from model_runtime.failures import SourceDigestMismatch


def digest_of(folder: Path, *, single_file: bool, companions: tuple[str, ...] = ()) -> str:
    """Return `sha256:<hex>` of the folder's files; names and contents count, times and modes do not.

    The digest of a single file is its own, whatever companions were found beside it.
    """
    files = sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda p: _name(p, folder))
    if single_file:
        return f"sha256:{_sha256(single(files, companions))}"
    listing = hashlib.sha256()
    for path in files:
        listing.update(f"{_sha256(path)}  ".encode() + _name(path, folder) + b"\n")
    return f"sha256:{listing.hexdigest()}"


def single(files: list[Path], companions: tuple[str, ...]) -> Path:
    """Return the file that the address names among its companions."""
    return next((file for file in files if file.name not in companions), files[0])


def require(digest: str, *, pinned: str, source: str) -> None:
    """Raise `SourceDigestMismatch` when a digest is pinned and this is another one."""
    if pinned and digest != pinned:
        raise SourceDigestMismatch(
            f"the files of {source} have digest {digest}, but spec.model.digest pins {pinned}: "
            f"either the source has changed, or the pin is of another version."
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _name(path: Path, folder: Path) -> bytes:
    return path.relative_to(folder).as_posix().encode()
