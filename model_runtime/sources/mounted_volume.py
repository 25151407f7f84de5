"""Models in a volume or a ConfigMap that the pod has mounted."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from model_runtime.failures import BuildBroken, SourceForbidden, SourceNotFound, SourceUnavailable
from model_runtime.sources import address, limits
from model_runtime.sources.fetching import Fetched, Order
from model_runtime.sources.progress import Progress

_CHANGES: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESTALE, errno.EIO, errno.ENXIO})
_NEITHER: Final = "is neither a file nor a folder"


def fetch(order: Order) -> Fetched:
    """A copy of the file or folder: what is hashed is what is built, whatever happens to the volume."""
    root = order.volume.resolve()
    _name, path = address.bucket_and_key(order.uri)
    start = limits.asked_inside(root, path.strip("/")) if path.strip("/") else root
    with _troubles(order):
        _require_present(start, order)
        single = start.is_file()
        found = _taken([start] if single else _files(start, root), root, limits.Room(order.limits))
        progress = Progress(sum(size for _file, _target, size in found))
        for file, target, size in found:
            name = file.name if single else file.relative_to(start).as_posix()
            _copy(target, limits.inside(order.into, name), size, progress)
    return Fetched(single)


def _taken(files: Iterable[Path], root: Path, room: limits.Room) -> list[tuple[Path, Path, int]]:
    """Each file, where it leads and its size: no more of them than there is room for."""
    found = []
    for file in files:
        target = _resolved(file, root)
        if not target.is_file():
            raise limits.refused(file.name, _NEITHER, limits.PLAIN_FILE)
        size = target.stat().st_size
        room.take(size, file.name)
        found.append((file, target, size))
    return found


@contextmanager
def _troubles(order: Order) -> Iterator[None]:
    """A volume that somebody writes to, or that is gone, may be whole a moment later."""
    try:
        yield
    except PermissionError as error:
        raise _unreadable(Path(error.filename or order.volume), error) from error
    except OSError as error:
        if error.errno not in _CHANGES:
            raise
        raise SourceUnavailable(
            f"{address.shown(order.uri)} cannot be read: {error.strerror}; is it being written to?"
        ) from error


def _require_present(start: Path, order: Order) -> None:
    if not start.exists():
        raise SourceNotFound(f"{address.shown(order.uri)} does not exist in the volume: check the path.")
    found = _resolved(start, order.volume.resolve())
    if not (found.is_file() or found.is_dir()):
        raise limits.refused(start.name, _NEITHER, limits.PLAIN_FILE)


def _files(start: Path, root: Path) -> Iterator[Path]:
    """Files below, by name; what Kubernetes keeps in `..data` is seen through its links only."""
    if len(str(start)) > len(str(root)) + limits.LONGEST_NAME:
        raise limits.refused(start.relative_to(root).as_posix(), "is a folder too deep")
    for entry in sorted(start.iterdir()):
        if entry.name.startswith("..") or entry.name == "lost+found":
            continue
        if entry.is_dir():
            _resolved(entry, root)
            if entry.is_symlink():
                raise _link(entry, "is a link to a folder; only links to files are followed")
            yield from _files(entry, root)
        elif entry.is_file() or entry.is_symlink():
            yield entry


def _resolved(path: Path, root: Path) -> Path:
    """Where the path leads; `BuildBroken` when that is outside the volume or nowhere."""
    try:
        target = path.resolve()
    except RuntimeError as error:
        raise _link(path, "is a link that leads nowhere") from error
    if not target.is_relative_to(root):
        raise _link(path, "is a link that leads out of the volume")
    if not target.exists():
        raise _link(path, "is a link that leads nowhere")
    return target


def _link(path: Path, why: str) -> BuildBroken:
    return limits.refused(path.name, why, limits.PLAIN_FILE)


def _copy(source: Path, target: Path, size: int, progress: Progress) -> None:
    """All of the file, if it still has the `size` it had; never more of it."""
    left = size
    with source.open("rb") as file, limits.created(target, source.name) as copy:
        while left and (piece := file.read(min(left, limits.PIECE))):
            copy.write(piece)
            left -= len(piece)
            progress.add(len(piece))
        grown = file.read(1)
    if left or grown:
        raise SourceUnavailable(
            f"{source.name} in the volume changes while it is read: wait until it is whole."
        )


def _unreadable(path: Path, error: Exception) -> SourceForbidden:
    return SourceForbidden(
        f"{path.name} in the volume cannot be read by the build's user ({error}): make it readable for everybody, "
        f"or let the volume's fsGroup do it."
    )
