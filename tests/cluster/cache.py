"""The user's cache folder: what is there is whole, because it is put there by one rename."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO


def root() -> Path:
    """`$XDG_CACHE_HOME/seatrial`, or `~/.cache/seatrial`; it exists."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "seatrial"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def labs() -> Path:
    """The folder that has one folder for each running lab: `$SEATRIAL_LAB_DIR`, or in the cache."""
    folder = Path(os.environ.get("SEATRIAL_LAB_DIR") or root() / "labs").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def key_of(*parts: str | bytes) -> str:
    """A short name that is the same exactly when all parts are."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:16]


def contents(*paths: Path) -> bytes:
    """Names, modes and bytes of files, and of all files below folders, in one order."""
    digest = hashlib.sha256()
    for path in paths:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                name = str(file.relative_to(path.parent))
                digest.update(f"{name}\0{file.stat().st_mode & 0o111:o}\0".encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.digest()


def made(target: Path, make: Callable[[Path], None]) -> Path:
    """`target` exists: found in the cache, or written by `make(path)` beside it and renamed. One maker at a time."""
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target.parent / f".{target.name}.lock"):
        if not target.exists():
            _remove_remains(target)
            _publish(target, make)
    return target


def _remove_remains(target: Path) -> None:
    """What a maker that was killed has left, half made, is gone; nobody else can be making it now."""
    for folder in target.parent.glob(f".{target.name}.*"):
        if folder.is_dir():
            shutil.rmtree(folder, ignore_errors=True)


def _publish(target: Path, make: Callable[[Path], None]) -> None:
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        folder.chmod(0o755)
        make(folder / target.name)
        (folder / target.name).replace(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Nobody else is in a body with the same path, on this machine; the body may remove the file."""
    while True:
        with path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not _is_still(path, file):  # who had it before us has removed it: the next one locks another
                continue
            yield
            return


def _is_still(path: Path, file: IO[str]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
