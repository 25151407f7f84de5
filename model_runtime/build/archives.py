"""A model that came as one tar: unpacked, with nothing outside its folder and nothing but plain files."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Final

from model_runtime.build.source import bounds
from model_runtime.failures import LoadFailed

ENDINGS: Final = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


def is_archive(path: Path) -> bool:
    """The name says that it is one."""
    return path.name.endswith(ENDINGS)


def unpack(archive: Path, into: Path, *, limits: bounds.Limits) -> None:
    """The archive's files stand below `into`.

    `BuildBroken` for a path that leads out, a link, or more than the limits; `LoadFailed` when it is damaged.
    """
    room = bounds.Room(limits)
    try:
        with tarfile.open(archive, "r:*") as tar:
            for member in tar:
                if member.isdir():
                    continue
                if not member.isfile():
                    raise bounds.refused(member.name, "is a link or a device; only plain files are taken")
                target = bounds.inside(into, member.name)
                room.take(member.size, member.name)
                _write(tar, member, target)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise LoadFailed(f"{archive.name} cannot be unpacked: {error}. Pack and upload it again.") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise LoadFailed(f"{archive.name} cannot be unpacked: {error}. Pack and upload it again.") from error


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    content = tar.extractfile(member)
    if content is None:
        return
    with content, bounds.created(target) as file:
        while piece := content.read(bounds.PIECE):
            file.write(piece)
