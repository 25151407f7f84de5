"""Fetch files from a volume or a ConfigMap that is mounted in the pod."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from model_runtime.failures import BuildBroken, SourceForbidden, SourceNotFound, SourceUnavailable
from model_runtime.sources import address, limits
from model_runtime.sources.fetching import FetchRequest, FetchResult
from model_runtime.sources.progress import Progress

_VOLUME_CHANGED: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESTALE, errno.EIO, errno.ENXIO})
_NO_FILE: Final = "is neither a file nor a folder"


def fetch(request: FetchRequest) -> FetchResult:
    """Copy the file or folder, so that the build uses what it hashes, even when the volume changes later."""
    root = request.volume.resolve()
    _, path = address.bucket_and_key(request.uri)
    start = limits.requested_path(path.strip("/"), root) if path.strip("/") else root
    with _translated_errors(request):
        _require_present(start, request)
        single = start.is_file()
        files = _with_companions(start, request) if single else _files(start, root)
        entries = _entries(files, root, limits.Quota(request.limits))
        progress = Progress(sum(size for _, _, size in entries))
        for file, target, size in entries:
            name = file.name if single else file.relative_to(start).as_posix()
            _copy(target, limits.path_of(name, request.folder), size, progress)
    return FetchResult(single)


def _with_companions(file: Path, request: FetchRequest) -> list[Path]:
    beside = [file.parent / name for name in request.companions if name != file.name]
    return [file, *(path for path in beside if path.is_file())]


def _entries(files: Iterable[Path], root: Path, quota: limits.Quota) -> list[tuple[Path, Path, int]]:
    """Return each file with its link resolved, and its size."""
    entries = []
    for file in files:
        target = _resolved(file, root)
        if not target.is_file():
            raise limits.rejected_file(file.name, _NO_FILE, limits.PLAIN_FILE)
        size = target.stat().st_size
        quota.add_file(size, file.name)
        entries.append((file, target, size))
    return entries


@contextmanager
def _translated_errors(request: FetchRequest) -> Iterator[None]:
    """Raise `SourceUnavailable` for a volume that is being written to, or is gone: a later build may succeed."""
    try:
        yield
    except PermissionError as error:
        raise _unreadable(Path(error.filename or request.volume), error) from error
    except OSError as error:
        if error.errno not in _VOLUME_CHANGED:
            raise
        raise SourceUnavailable(
            f"{request.name} cannot be read: {error.strerror}; check that nothing writes to the volume."
        ) from error


def _require_present(start: Path, request: FetchRequest) -> None:
    if not start.exists():
        raise SourceNotFound(f"{request.name} does not exist in the volume: check the path.")
    target = _resolved(start, request.volume.resolve())
    if not (target.is_file() or target.is_dir()):
        raise limits.rejected_file(start.name, _NO_FILE, limits.PLAIN_FILE)


def _files(start: Path, root: Path) -> Iterator[Path]:
    """Return the files below, by name; `..data`, where Kubernetes keeps a ConfigMap's content, is skipped."""
    if len(str(start)) > len(str(root)) + limits.LONGEST_NAME:
        raise limits.rejected_file(start.relative_to(root).as_posix(), "is nested too deeply")
    for entry in sorted(start.iterdir()):
        if entry.name.startswith("..") or entry.name == "lost+found":
            continue
        if entry.is_dir():
            _resolved(entry, root)
            if entry.is_symlink():
                raise _rejected_link(entry, "is a link to a folder; only links to files are followed")
            yield from _files(entry, root)
        elif entry.is_file() or entry.is_symlink():
            yield entry


def _resolved(path: Path, root: Path) -> Path:
    """Return the target of the path; `BuildBroken` when it is outside the volume or does not exist."""
    try:
        target = path.resolve()
    except RuntimeError as error:
        raise _rejected_link(path, "is a link that leads nowhere") from error
    if not target.is_relative_to(root):
        raise _rejected_link(path, "is a link that leads out of the volume")
    if not target.exists():
        raise _rejected_link(path, "is a link that leads nowhere")
    return target


def _rejected_link(path: Path, problem: str) -> BuildBroken:
    return limits.rejected_file(path.name, problem, limits.PLAIN_FILE)


def _copy(source: Path, target: Path, size: int, progress: Progress) -> None:
    """Copy the file; `SourceUnavailable` when it is not exactly `size` bytes long any more."""
    remaining = size
    with source.open("rb") as file, limits.create_file(target, source.name) as copy:
        while remaining and (chunk := file.read(min(remaining, limits.CHUNK_SIZE))):
            copy.write(chunk)
            remaining -= len(chunk)
            progress.add(len(chunk))
        surplus = file.read(1)
    if remaining or surplus:
        raise SourceUnavailable(
            f"{source.name} in the volume changed while it was read: build again when it is complete."
        )


def _unreadable(path: Path, error: Exception) -> SourceForbidden:
    return SourceForbidden(
        f"{path.name} in the volume cannot be read by the build's user ({error}): make it readable for everybody, "
        f"or set the fsGroup of the volume."
    )
