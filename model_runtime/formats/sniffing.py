"""Detect the format of a file from at most its first 64 KiB; of a zip, from its list of entries."""

from __future__ import annotations

import bz2
import lzma
import pickletools
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

HEAD: Final = 64 * 1024

# Formats that are detected only to be named in the error message.
FOREIGN: Final = frozenset(
    {"catboost", "hdf5", "keras", "lightgbm", "pickle", "safetensors", "tflite", "torch"}
)

_SKLEARN: Final = frozenset({"sklearn", "imblearn", "category_encoders", "sklego", "skl2onnx"})
_WRAPPERS: Final = frozenset({"xgboost", "lightgbm", "catboost"})


def kind_of(path: Path) -> str:
    """Return a format, a member of `FOREIGN`, or an empty string for an unknown file."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(b"PK\x03\x04"):
        return _zip(path)
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    return _xgboost(path, head) or _onnx(head) or _foreign_text(head) or _pickle(_decompressed(head))


_MAGIC: Final = ((b"\x89HDF\r\n", "hdf5"), (b"CBM1", "catboost"))


def _zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        # truncated: the list of entries is at the end, and only the file name is left
        return {".skops": "skops", ".pt": "torch", ".pth": "torch", ".keras": "keras"}.get(path.suffix, "")
    if "schema.json" in names:
        return "skops"
    if {"metadata.json", "config.json"} <= names:
        return "keras"
    return "torch" if any(name.endswith("/data.pkl") for name in names) else ""


def _xgboost(path: Path, head: bytes) -> str:
    """Both encodings begin with an object that has `learner`, in JSON sometimes after `version`."""
    if re.match(rb"\{[LIUil][\x00-\xff]{1,8}(learner|version|Config)", head[:24]):
        return "xgboost"
    if not re.match(rb"\s*\{", head[:64]):
        return ""
    if re.search(rb'"learner"\s*:\s*\{', head) or re.match(rb'\s*\{\s*"version"\s*:\s*\[\d', head):
        return "xgboost"
    return "xgboost" if path.suffix == ".ubj" else ""


def _foreign_text(head: bytes) -> str:
    if head.startswith(b"tree\nversion="):
        return "lightgbm"
    if head[4:8] == b"TFL3":
        return "tflite"
    return "safetensors" if head[8:10] == b'{"' and head[5:8] == b"\0\0\0" else ""


def _onnx(head: bytes) -> str:
    """Read the fields of an ONNX ModelProto on the wire: a version, a producer or opsets, then a graph."""
    seen: set[int] = set()
    for number, wire in _fields(head):
        if _WIRE.get(number) != wire:
            return ""
        seen.add(number)
        if number == _GRAPH:
            break
    return "onnx" if 1 in seen and seen & {_GRAPH, _OPSETS} else ""


_GRAPH: Final = 7
_OPSETS: Final = 8
_WIRE: Final = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, _GRAPH: 2, _OPSETS: 2, 14: 2, 20: 2, 25: 2, 26: 2}


def _fields(data: bytes) -> Iterator[tuple[int, int]]:
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        yield tag >> 3, tag & 7
        value, position = _varint(data, position)
        position += value if tag & 7 == 2 else 0


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(data) and shift < 64:
        byte = data[position]
        position, value, shift = position + 1, value | (byte & 0x7F) << shift, shift + 7
        if byte < 0x80:
            break
    return value, position


def _decompressed(head: bytes) -> bytes:
    """Return the beginning of what joblib compressed; other bytes unchanged."""
    try:
        if head[:2] == b"\x1f\x8b" or (head[:1] == b"\x78" and head[1:2] in b"\x01\x5e\x9c\xda"):
            return zlib.decompressobj(wbits=47).decompress(head, HEAD)
        if head.startswith(b"BZh"):
            return bz2.BZ2Decompressor().decompress(head, HEAD)
        if head.startswith((b"\xfd7zXZ", b"\x5d\x00\x00")):
            return lzma.LZMADecompressor(memlimit=128 << 20).decompress(head, HEAD)
    except (zlib.error, lzma.LZMAError, OSError, ValueError, EOFError):
        return b""
    return head


def _pickle(head: bytes) -> str:
    """Return `sklearn` when the pickle names its modules, or those of a wrapper with its API; else another kind."""
    if not (head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")):
        return ""
    modules = _modules(head)
    if modules & _SKLEARN or modules & _WRAPPERS:
        return "sklearn"
    return "torch" if "torch" in modules else "pickle"


def _modules(head: bytes) -> set[str]:
    """Return the top-level packages that the opcodes at the beginning name."""
    found: set[str] = set()
    try:
        for opcode, argument, _position in pickletools.genops(head):
            if opcode.name in ("GLOBAL", "SHORT_BINUNICODE", "BINUNICODE") and isinstance(argument, str):
                found.add(re.split(r"[. ]", argument, maxsplit=1)[0])
    except Exception:  # pickletools raises many kinds of errors at the truncated end
        return found
    return found
