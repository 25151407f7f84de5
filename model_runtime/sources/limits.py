"""How much a source may bring, and where it may write."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from model_runtime.failures import BuildBroken

MAX_FILES: Final = 10_000
RESERVED: Final = 64 << 20
"""Bytes of the work folder that the build itself needs."""

LONGEST_NAME: Final = 512
CHUNK_SIZE: Final = 1 << 20
PACK_AGAIN: Final = "Pack the model again"
PLAIN_FILE: Final = "Replace it with a regular file, or remove it"


@dataclass(frozen=True, slots=True)
class Limits:
    """How many files and bytes a source may bring into the file system of `folder`."""

    files: int
    size: int
    folder: Path
    by_settings: bool = False
    """The operator's settings limit the size, not the file system."""


def limits_of(folder: Path, *, most: int = 0) -> Limits:
    """Return the limits that `most` bytes and the free space of the file system of `folder` set; 0 means any number."""
    room = max(0, shutil.disk_usage(folder).free - RESERVED)
    by_settings = 0 < most < room
    return Limits(MAX_FILES, most if by_settings else room, folder, by_settings)


@dataclass(slots=True)
class Quota:
    """Counts files and bytes against the limits."""

    limits: Limits
    files: int = 0
    size: int = 0

    def add_file(self, size: int, name: str) -> None:
        """Count one more file; `BuildBroken` when it exceeds a limit."""
        self.files += 1
        self.add_bytes(size, name)
        if self.files > self.limits.files:
            raise BuildBroken(
                f"the source has more than {self.limits.files} files: name the model's own folder in "
                f"spec.model.uri."
            )

    def add_bytes(self, size: int, name: str) -> None:
        """Count more bytes; `BuildBroken` when they exceed the limit, or are negative."""
        if size < 0:
            raise rejected_file(name, f"has a size of {size} bytes", PACK_AGAIN)
        self.size += size
        if self.size > self.limits.size:
            raise self._too_large(name)

    def _too_large(self, name: str) -> BuildBroken:
        size, limit = f"{self.size / 2**20:.1f} MiB", f"{self.limits.size / 2**20:.1f} MiB"
        if self.limits.by_settings:
            return BuildBroken(
                f"the model is too large: the files up to {name} have {size}, and settings.maxModelSize of the "
                f"operator permits {limit}. Name a smaller folder, or have the setting raised."
            )
        return BuildBroken(
            f"no space: the files up to {name} have {size}, and {self.limits.folder} has room for {limit}. Request "
            f"more in spec.build.resources (ephemeral-storage), or name a smaller folder."
        )


def path_of(name: str, folder: Path) -> Path:
    """Return the path below `folder` for a file that the source calls `name`.

    `BuildBroken` when the path would be outside the folder, or the name is unusable.
    """
    if problem := _problem(name):
        raise rejected_file(name, problem)
    return folder.joinpath(*_parts(name))


def requested_path(name: str, folder: Path) -> Path:
    """Return the path below `folder` for what spec.model.uri calls `name`; `BuildBroken` as in `path_of`."""
    if problem := _problem(name):
        raise BuildBroken(
            f"spec.model.uri names {name[:200]!r}, which {problem}: correct it, or rename the file."
        )
    return folder.joinpath(*_parts(name))


def _problem(name: str) -> str:
    parts = _parts(name)
    if name.startswith("/") or any(part in ("", ".", "..") for part in parts) or "\\" in name:
        return "leads out of its folder"
    if not name.isprintable() or len(name) > LONGEST_NAME or any(len(part.encode()) > 255 for part in parts):
        return "is too long or has unprintable characters"
    return ""


def _parts(name: str) -> list[str]:
    return name.removeprefix("./").split("/")


def rejected_file(name: str, problem: str, remedy: str = "Rename it there, or remove it") -> BuildBroken:
    """Return the failure for a file of the source that cannot be used."""
    return BuildBroken(f"the source has {name[:200]!r}, which {problem}. {remedy}.")


def create_file(path: Path, name: str) -> BinaryIO:
    """Create a file and the folders above it; `BuildBroken` when the source has `name` twice."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("xb")
    except (FileExistsError, NotADirectoryError) as error:
        problem = "exists twice, or is a file and a folder at once"
        raise rejected_file(name, problem, "Rename one of the two") from error
