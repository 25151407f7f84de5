"""How server-side apply takes an object apart: which maps are one value, which lists have keys.

A place is the tuple of field names on the way to it, with `[]` for an item of a list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, TypeAlias

from seatrial.api.objects import Body

Place: TypeAlias = tuple[str, ...]


class Style(Enum):
    """What a map or a list is made of."""

    ATOMIC = "one value"
    GRANULAR = "each field by itself"
    KEYED = "a list of items with keys"
    SET = "a list of values without order"


@dataclass(frozen=True, slots=True)
class Shape:
    """The style of one place, with the keys of a keyed list."""

    style: Style
    keys: tuple[str, ...] = ()


ATOMIC: Final = Shape(Style.ATOMIC)
GRANULAR: Final = Shape(Style.GRANULAR)
SET: Final = Shape(Style.SET)


def keyed(*keys: str) -> Shape:
    """A list whose items are told apart by `keys`."""
    return Shape(Style.KEYED, keys)


@dataclass(frozen=True, slots=True)
class Shapes:
    """The shapes of one kind: what `known` says of a place, else maps go by field and lists are one value."""

    known: Callable[[Place], Shape | None] = field(default=lambda _: None)

    def of(self, place: Place, value: object) -> Shape:
        """How `value`, standing at `place`, is taken apart."""
        if not isinstance(value, dict | list):
            return ATOMIC
        return self.known(place) or (GRANULAR if isinstance(value, dict) else ATOMIC)


_METADATA: Final[dict[Place, Shape]] = {
    ("metadata", "ownerReferences"): keyed("uid"),
    ("metadata", "finalizers"): SET,
    ("ownerReferences", "[]"): ATOMIC,
}
_BY_LAST_TWO: Final[dict[Place, Shape]] = {
    **_METADATA,
    ("spec", "containers"): keyed("name"),
    ("spec", "initContainers"): keyed("name"),
    ("spec", "volumes"): keyed("name"),
    ("spec", "imagePullSecrets"): keyed("name"),
    ("spec", "hostAliases"): keyed("ip"),
    ("spec", "topologySpreadConstraints"): keyed("topologyKey", "whenUnsatisfiable"),
    ("spec", "nodeSelector"): ATOMIC,
    ("spec", "selector"): ATOMIC,
    ("[]", "env"): keyed("name"),
    ("[]", "volumeMounts"): keyed("mountPath"),
    ("[]", "volumeDevices"): keyed("devicePath"),
    ("[]", "ports"): keyed("containerPort", "protocol"),
    ("spec", "ports"): keyed("port", "protocol"),
    ("status", "conditions"): keyed("type"),
    ("[]", "labelSelector"): ATOMIC,
}
_BY_LAST: Final[dict[str, Shape]] = {
    "labelSelector": ATOMIC,
    "fieldRef": ATOMIC,
    "configMapKeyRef": ATOMIC,
    "secretKeyRef": ATOMIC,
    "resourceFieldRef": ATOMIC,
    "involvedObject": ATOMIC,
    "requiredDuringSchedulingIgnoredDuringExecution": ATOMIC,
}


def _built_in(place: Place) -> Shape | None:
    return _BY_LAST_TWO.get(place[-2:]) or _BY_LAST.get(place[-1] if place else "")


BUILT_IN: Final = Shapes(_built_in)


def of_schema(schema: Body) -> Shapes:
    """The shapes that a CustomResourceDefinition's schema declares."""
    declared = dict(_declared(schema, ()))
    return Shapes(lambda place: declared.get(place) or _METADATA.get(place[-2:]))


def _declared(schema: Body, place: Place) -> list[tuple[Place, Shape]]:
    found: list[tuple[Place, Shape]] = []
    if schema.get("x-kubernetes-map-type") == "atomic":
        found.append((place, ATOMIC))
    match schema.get("x-kubernetes-list-type"):
        case "map":
            found.append((place, keyed(*schema["x-kubernetes-list-map-keys"])))
        case "set":
            found.append((place, SET))
    for name, child in (schema.get("properties") or {}).items():
        found += _declared(child, (*place, name))
    if isinstance(schema.get("items"), dict):
        found += _declared(schema["items"], (*place, "[]"))
    return found
