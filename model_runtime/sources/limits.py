"""How much a source may bring, and where it may put it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from model_runtime.failures import BuildBroken

MOST_FILES: Final = 10_000
KEPT_FREE: Final = 64 << 20
"""Bytes of the work folder that the build itself needs."""

LONGEST_NAME: Final = 512
PIECE: Final = 1 << 20
PACK_AGAIN: Final = "Pack the model again"
PLAIN_FILE: Final = "Put a plain file in its place, or leave it out"


@dataclass(frozen=True, slots=True)
class Limits:
    """The most files and bytes that a source may bring."""

    files: int
    size: int
    folder: Path


def limits_of(folder: Path) -> Limits:
    """What fits beside everything else in the file system of `folder`."""
    return Limits(MOST_FILES, max(0, shutil.disk_usage(folder).free - KEPT_FREE), folder)


@dataclass(slots=True)
class Room:
    """What is left of the limits."""

    limits: Limits
    files: int = 0
    size: int = 0

    def take(self, size: int, name: str) -> None:
        """One more file is counted; `BuildBroken` when it is one, or a byte, too many."""
        self.files += 1
        self.grow(size, name)
        if self.files > self.limits.files:
            raise BuildBroken(
                f"the source has more than {self.limits.files} files: name the model's own folder in "
                f"spec.model.uri."
            )

    def grow(self, size: int, name: str) -> None:
        """So many more bytes are counted; `BuildBroken` when they are fewer than none."""
        if size < 0:
            raise refused(name, f"has {size} bytes", PACK_AGAIN)
        self.size += size
        if self.size > self.limits.size:
            raise BuildBroken(
                f"no space: the files up to {name} have {self.size / 2**20:.1f} MiB, and "
                f"{self.limits.folder} has room for {self.limits.size / 2**20:.1f} MiB. Give the build more in "
                f"spec.build.resources (ephemeral-storage), or name a smaller folder."
            )


def inside(folder: Path, name: str) -> Path:
    """The place of what the source calls `name`, below `folder`; `BuildBroken` when it would be anywhere else."""
    if why := _unfit(name):
        raise refused(name, why)
    return folder.joinpath(*_parts(name))


def asked_inside(folder: Path, name: str) -> Path:
    """The place of what spec.model.uri calls `name`, below `folder`; `BuildBroken` as before."""
    if why := _unfit(name):
        raise BuildBroken(
            f"spec.model.uri names {name[:200]!r}, which {why}: correct it, or give the file another name."
        )
    return folder.joinpath(*_parts(name))


def _unfit(name: str) -> str:
    parts = _parts(name)
    if name.startswith("/") or any(part in ("", ".", "..") for part in parts) or "\\" in name:
        return "leads out of its folder"
    if not name.isprintable() or len(name) > LONGEST_NAME or any(len(part.encode()) > 255 for part in parts):
        return "is too long or has characters that cannot be printed"
    return ""


def _parts(name: str) -> list[str]:
    return name.removeprefix("./").split("/")


def refused(name: str, why: str, advice: str = "Rename it there, or leave it out") -> BuildBroken:
    """The failure for a file that is not taken."""
    return BuildBroken(f"the source holds {name[:200]!r}, which {why}: nothing was built. {advice}.")


def created(path: Path, name: str) -> BinaryIO:
    """A new file with the folders above it; `BuildBroken` when the source has `name` twice."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("xb")
    except (FileExistsError, NotADirectoryError) as error:
        why = "is there twice, or is a file and a folder at once"
        raise refused(name, why, "Rename one of the two") from error
