"""Field types that several models share: names of objects, counts, labels, and parts of other Kubernetes APIs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic.config import JsonDict
from pydantic.types import JsonValue

_DNS_LABEL: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"

OBJECT_NAME: Final = rf"^{_DNS_LABEL}(\.{_DNS_LABEL})*$"
OPTIONAL_NAME: Final = rf"^({_DNS_LABEL}(\.{_DNS_LABEL})*)?$"
OBJECT_NAME_EXPECTED: Final = "expected the name of an object: lower-case letters, digits, '-' and '.'"

STORED_DEFAULT: Final = "x-stored-default"
"""The key of a schema whose value becomes the `default` of the CRD."""


def stored_default(value: JsonValue) -> JsonDict:
    """Return what makes the API server store `value` where nobody wrote the field; other defaults are not stored."""
    return {STORED_DEFAULT: value}


ObjectName = Annotated[str, Field(pattern=OPTIONAL_NAME, max_length=253)]
"""The name of an object in the same namespace; empty for none."""

NeededName = Annotated[str, Field(pattern=OBJECT_NAME, min_length=1, max_length=253)]
"""The required name of an object in the same namespace."""

DataKey = Annotated[str, Field(pattern=r"^[-._a-zA-Z0-9]+$", min_length=1, max_length=253)]
"""One key of a ConfigMap or Secret."""

Count = Annotated[int, Field(strict=True, ge=0, le=100_000)]
"""A whole number, zero or more."""

DEEPEST: Final = 50
"""Levels of a free part; no part of Kubernetes' API has more than 20."""


def _check_depth(value: dict[str, Any]) -> dict[str, Any]:
    level: list[Any] = [value]
    for _ in range(DEEPEST):
        items = (part.values() if isinstance(part, dict) else part for part in level)
        level = [part for parts in items for part in parts if isinstance(part, dict | list)]
        if not level:
            return value
    raise ValueError(f"expected at most {DEEPEST} levels")


FreeObject = Annotated[
    dict[str, Any],
    AfterValidator(_check_depth),
    WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
]
"""A part of another Kubernetes API, passed on unchanged: the API server validates it where it is used."""

LabelValue = Annotated[str, Field(max_length=63)]
StringMap = Annotated[Mapping[str, LabelValue], Field(max_length=64)]
"""Labels: at most 64, with values of at most 63 characters."""

AnnotationValue = Annotated[str, Field(max_length=4096)]
AnnotationMap = Annotated[Mapping[str, AnnotationValue], Field(max_length=64)]
