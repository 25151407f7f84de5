"""Encode messages within a size limit, and decode them with every field checked."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any, Final

VERSION: Final = 1
TERMINATION_MESSAGE_LIMIT: Final = 3072
"""Bytes. The kubelet keeps 4 KiB of a container's termination message; the rest is left for what others add."""

LONGEST_MESSAGE: Final = 64 * 1024
MAX_MAP_ENTRIES: Final = 15
"""The status keeps 16 entries of a map and adds one of its own."""

Body = dict[str, Any]


def encode(body: Body) -> str:
    """Return `body` as compact JSON, always the same text for the same body."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def surplus_bytes(body: Body) -> int:
    """Return how many bytes `body` exceeds the limit of a termination message by; 0 or less when it fits."""
    return len(encode(body).encode()) - TERMINATION_MESSAGE_LIMIT


def characters_to_cut(surplus: int) -> int:
    """Return how many characters to remove at once: one character takes at most six bytes in JSON."""
    return max(surplus // 6, 16)


def valid_unicode(value: Any) -> Any:
    """Return `value` with unpaired surrogates replaced by `?`.

    File names and error messages of frameworks may contain them, and they cannot be encoded as UTF-8.
    """
    if isinstance(value, dict):
        return {valid_unicode(key): valid_unicode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [valid_unicode(item) for item in value]
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def decode(kind: Any, text: str) -> dict[str, Any]:
    """Return the arguments for the dataclass `kind` from a JSON message.

    Unknown fields are ignored: a newer program may have written them. `ValueError` when the text is no message of
    this version, a field is missing, or a value has the wrong type.
    """
    raw = _versioned(text)
    values = {}
    for field in fields(kind):
        if field.name in raw:
            values[field.name] = _DECODERS[str(field.type)](field.name, raw[field.name])
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{field.name} is missing")
    return values


def _versioned(text: str) -> Body:
    if len(text) > LONGEST_MESSAGE:
        raise ValueError("the message is longer than 64 KiB")
    try:
        raw = json.loads(text)
    except RecursionError as error:
        raise ValueError("the message is nested too deeply") from error
    if not isinstance(raw, dict) or raw.pop("version", None) != VERSION:
        raise ValueError(f"not a message of version {VERSION}")
    return raw


def _string(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} is not a string")
    value.encode()  # JSON can express an unpaired surrogate, but etcd cannot store one
    return value


def _boolean(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} is not a boolean")
    return value


def _integer(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} is not an integer")
    return value


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(_float(value)):
        raise ValueError(f"{name} is not a number")
    return value


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _map(name: str, value: Any, decoder: Callable[[str, Any], Any]) -> dict[str, Any]:
    if not isinstance(value, dict) or len(value) > MAX_MAP_ENTRIES:
        raise ValueError(f"{name} is not a map of at most {MAX_MAP_ENTRIES} entries")
    return {_string(f"a key of {name}", key): decoder(f"{name}.{key}", item) for key, item in value.items()}


def _strings(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{name} is not a list")
    return tuple(_string(name, item) for item in value)


_DECODERS: Final[Mapping[str, Callable[[str, Any], Any]]] = {
    "str": _string,
    "bool": _boolean,
    "int": _integer,
    "dict[str, str]": lambda name, value: _map(name, value, _string),
    "dict[str, float]": lambda name, value: _map(name, value, _number),
    "tuple[str, ...]": _strings,
}
"""By the annotation of a message's field."""
