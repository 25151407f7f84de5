"""Tensors as bytes: the binary extension of the Open Inference Protocol V2."""

from __future__ import annotations

import struct
from typing import Any, Final

import numpy as np

from model_runtime.formats.base import Array
from model_runtime.server.errors import InputRefused

LENGTH: Final = struct.Struct("<I")


def read(raw: memoryview, dtype: np.dtype[Any], *, field: str) -> Array:
    """The elements in `raw`, flat; texts each have their length in four bytes before them."""
    if dtype.kind == "O":
        return _texts(raw, field)
    if len(raw) % dtype.itemsize:
        raise InputRefused(field, expected=f"a multiple of {dtype.itemsize} bytes", came=f"{len(raw)}")
    if dtype.kind == "b":
        return np.frombuffer(raw, dtype=np.uint8).astype(np.bool_)
    return np.frombuffer(raw, dtype=dtype.newbyteorder("<")).astype(dtype, copy=False)


def written(array: Array) -> bytes:
    """The elements in row-major order."""
    if array.dtype.kind in "biuf":
        return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
    texts = [str(value).encode() for value in array.ravel()]
    return b"".join(LENGTH.pack(len(text)) + text for text in texts)


def _texts(raw: memoryview, field: str) -> Array:
    texts: list[str] = []
    offset = 0
    while offset < len(raw):
        start = offset + LENGTH.size
        if start > len(raw) or (end := start + LENGTH.unpack_from(raw, offset)[0]) > len(raw):
            raise InputRefused(field, expected="texts, each after its length", came="a length beyond the end")
        texts.append(_decoded(raw[start:end], field, len(texts)))
        offset = end
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array


def _decoded(raw: memoryview, field: str, index: int) -> str:
    try:
        return bytes(raw).decode()
    except UnicodeDecodeError:
        raise InputRefused(f"{field}[{index}]", expected="a text in UTF-8", came="other bytes") from None
