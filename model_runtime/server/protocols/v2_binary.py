"""Tensors as bytes: the binary extension of the Open Inference Protocol V2."""

from __future__ import annotations

import struct
from typing import Any, Final

import numpy as np

from model_runtime.formats.base import Array
from model_runtime.server.errors import InvalidInput

LENGTH: Final = struct.Struct("<I")


def decode(raw: memoryview, dtype: np.dtype[Any], *, field: str) -> Array:
    """Return the elements in `raw`, flat; each string follows its length in four bytes."""
    if dtype.kind == "O":
        return _strings(raw, field)
    if len(raw) % dtype.itemsize:
        raise InvalidInput(field, expected=f"a multiple of {dtype.itemsize} bytes", got=f"{len(raw)}")
    if dtype.kind == "b":
        return np.frombuffer(raw, dtype=np.uint8).astype(np.bool_)
    return np.frombuffer(raw, dtype=dtype.newbyteorder("<")).astype(dtype, copy=False)


def encode(array: Array) -> bytes:
    """Return the elements in row-major order."""
    if array.dtype.kind in "biuf":
        return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
    strings = [str(value).encode() for value in array.ravel()]
    return b"".join(LENGTH.pack(len(string)) + string for string in strings)


def _strings(raw: memoryview, field: str) -> Array:
    strings: list[str] = []
    offset = 0
    while offset < len(raw):
        start = offset + LENGTH.size
        if start > len(raw) or (end := start + LENGTH.unpack_from(raw, offset)[0]) > len(raw):
            expected = "strings, each after its length"
            raise InvalidInput(field, expected=expected, got="a length beyond the end")
        strings.append(_decode_string(raw[start:end], field, len(strings)))
        offset = end
    array = np.empty(len(strings), dtype=object)
    array[:] = strings
    return array


def _decode_string(raw: memoryview, field: str, index: int) -> str:
    try:
        return bytes(raw).decode()
    except UnicodeDecodeError:
        raise InvalidInput(f"{field}[{index}]", expected="a string in UTF-8", got="other bytes") from None
