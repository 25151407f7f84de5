"""Models in a volume or a ConfigMap that the pod has mounted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from model_runtime.build.source import address, bounds
from model_runtime.build.source.fetching import Fetched, Order
from model_runtime.build.source.progress import Progress
from model_runtime.failures import SourceForbidden, SourceNotFound


def fetch(order: Order) -> Fetched:
    """A copy of the file or folder: what is hashed is what is built, whatever happens to the volume."""
    root = order.volume.resolve()
    _name, path = address.bucket_and_key(order.uri)
    start = bounds.inside(root, path.strip("/")) if path.strip("/") else root
    _require_present(start, order)
    single = start.is_file()
    found = [start] if single else list(_files(start, root))
    room = bounds.Room(order.limits)
    for file in found:
        room.take(_resolved(file, root).stat().st_size, file.name)
    progress = Progress(room.size)
    for file in found:
        name = file.name if single else file.relative_to(start).as_posix()
        _copy(_resolved(file, root), bounds.inside(order.into, name), progress)
    return Fetched(single)


def _require_present(start: Path, order: Order) -> None:
    try:
        if start.exists():
            _resolved(start, order.volume.resolve())
            return
    except PermissionError as error:
        raise _unreadable(start, error) from error
    raise SourceNotFound(f"{address.shown(order.uri)} does not exist in the volume: check the path.")


def _files(start: Path, root: Path) -> Iterator[Path]:
    """Files below, by name; what Kubernetes keeps in `..data` is seen through its links only."""
    try:
        entries = sorted(start.iterdir())
    except PermissionError as error:
        raise _unreadable(start, error) from error
    for entry in entries:
        if entry.name.startswith("..") or entry.name == "lost+found":
            continue
        if entry.is_dir():
            _resolved(entry, root)
            if entry.is_symlink():
                raise bounds.refused(entry.name, "is a link to a folder; only links to files are followed")
            yield from _files(entry, root)
        elif entry.is_file() or entry.is_symlink():
            yield entry


def _resolved(path: Path, root: Path) -> Path:
    """Where the path leads; `BuildBroken` when that is outside the volume or nowhere."""
    target = path.resolve()
    if not target.is_relative_to(root):
        raise bounds.refused(path.name, "is a link that leads out of the volume")
    if not target.exists():
        raise bounds.refused(path.name, "is a link that leads nowhere")
    return target


def _copy(source: Path, target: Path, progress: Progress) -> None:
    try:
        with source.open("rb") as file, bounds.created(target) as copy:
            while piece := file.read(bounds.PIECE):
                copy.write(piece)
                progress.add(len(piece))
    except PermissionError as error:
        raise _unreadable(source, error) from error


def _unreadable(path: Path, error: Exception) -> SourceForbidden:
    return SourceForbidden(
        f"{path.name} in the volume cannot be read by the build's user ({error}): make it readable for everybody, "
        f"or let the volume's fsGroup do it."
    )
