"""Call a file by its name when it is not the model that people meant: a pointer, a page, an error, an archive."""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

HEAD: Final = 64 * 1024
_LFS: Final = b"version https://git-lfs.github.com/spec/"
_PAGE: Final = re.compile(
    rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_TAR: Final = 257
_COMPRESSED: Final = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_ARCHIVES: Final = {b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!\x1a\x07": "rar"}


@dataclass(frozen=True, slots=True)
class Impostor:
    """What a file is, and what its user should do."""

    noun: str
    remedy: str


_POINTER: Final = Impostor(
    "a git-lfs pointer, not the file itself",
    "fetch the file with `git lfs pull` and store that, or name an address that serves its content",
)
_WEB_PAGE: Final = Impostor(
    "a web page (HTML)", "name the address of the file itself, such as its raw or download address"
)
_EMPTY: Final = Impostor("an empty file", "store the model and upload it again")
_ASK: Final = "ask the source for the file, with credentials that may read it"
_UNPACK: Final = "unpack it, and name the folder or the model's own file"


def impostor(path: Path) -> Impostor | None:
    """Return what the file is instead of a model; None for a file that only its framework can judge."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head.strip(b"\0 \r\n\t"):
        return _EMPTY
    if head.startswith(_LFS):
        return _POINTER
    return _text(head.removeprefix(b"\xef\xbb\xbf").lstrip()) or _archive(path, head)


def _text(head: bytes) -> Impostor | None:
    if _PAGE.match(head):
        return _WEB_PAGE
    if head.startswith((b"<?xml", b"<Error")):
        code = re.search(rb"<(?:Code|title|message)>([^<]{1,80})<", head, re.IGNORECASE)
        named = f" that says {code.group(1).decode(errors='replace')!r}" if code else ""
        return Impostor(f"an XML document{named}", _ASK)
    if head.startswith((b"{", b"[")):
        return _json(head)
    return None


def _json(head: bytes) -> Impostor | None:
    try:
        document = json.loads(head)
    except (ValueError, RecursionError):
        return None  # longer than the head, or binary
    reason = _reason(document)
    named = f" that says {reason!r}" if reason else ""
    return Impostor(f"a JSON document{named}", _ASK if reason else "name the file of the model")


def _reason(document: Any) -> str:
    for key in ("error", "message", "detail", "errors", "reason"):
        value = document.get(key) if isinstance(document, dict) else None
        value = value[0] if isinstance(value, list) and value else value
        if isinstance(value, dict):
            return _reason(value)
        if isinstance(value, str):
            return value[:80]
    return ""


def _archive(path: Path, head: bytes) -> Impostor | None:
    if head.startswith(b"PK\x03\x04") and zipfile.is_zipfile(path):
        return Impostor(f"a zip archive of {_contents(path)}", _UNPACK)
    if head[_TAR : _TAR + 5] == b"ustar":
        return Impostor("a tar archive", _UNPACK)
    for magic, name in _ARCHIVES.items():
        if head.startswith(magic):
            return Impostor(f"a {name} archive", _UNPACK)
    for magic, name in _COMPRESSED.items():
        if head.startswith(magic):
            inside = "a tar archive" if name == "gzip" and _holds_tar(head) else "a file"
            return Impostor(
                f"{inside} compressed with {name}", "decompress it, and name the model's own file"
            )
    return None


def _contents(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
    return f"{len(names)} files ({', '.join(names[:3])[:100]}{'…' if len(names) > 3 else ''})"


def _holds_tar(head: bytes) -> bool:
    try:
        unpacked = zlib.decompressobj(wbits=31).decompress(head, 1024)
    except zlib.error:
        return False
    return unpacked[_TAR : _TAR + 5] == b"ustar"
