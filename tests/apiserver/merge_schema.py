"""How server-side apply merges each map and list of an object: as one value, by field, or by item key.

A schema path is a tuple of field names, with `[]` for an item of a list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, TypeAlias

from seatrial.api.objects import Body

SchemaPath: TypeAlias = tuple[str, ...]


class MergeType(Enum):
    """How a map or a list is merged."""

    ATOMIC = "one value"
    GRANULAR = "each field by itself"
    KEYED = "a list of items with keys"
    SET = "a list of values without order"


@dataclass(frozen=True, slots=True)
class MergeRule:
    """The merge type at one path, with the keys of a keyed list."""

    type: MergeType
    keys: tuple[str, ...] = ()


ATOMIC: Final = MergeRule(MergeType.ATOMIC)
GRANULAR: Final = MergeRule(MergeType.GRANULAR)
SET: Final = MergeRule(MergeType.SET)


def keyed(*keys: str) -> MergeRule:
    """Return the rule of a list whose items are identified by `keys`."""
    return MergeRule(MergeType.KEYED, keys)


@dataclass(frozen=True, slots=True)
class MergeSchema:
    """The merge rules of one kind: those of `declared`; otherwise maps merge by field and lists are one value."""

    declared: Callable[[SchemaPath], MergeRule | None] = field(default=lambda _: None)

    def rule_at(self, path: SchemaPath, value: object) -> MergeRule:
        """Return the merge rule of `value` at `path`."""
        if not isinstance(value, dict | list):
            return ATOMIC
        return self.declared(path) or (GRANULAR if isinstance(value, dict) else ATOMIC)


_METADATA: Final[dict[SchemaPath, MergeRule]] = {
    ("metadata", "ownerReferences"): keyed("uid"),
    ("metadata", "finalizers"): SET,
    ("ownerReferences", "[]"): ATOMIC,
}
_BY_LAST_TWO: Final[dict[SchemaPath, MergeRule]] = {
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
_BY_LAST: Final[dict[str, MergeRule]] = {
    "labelSelector": ATOMIC,
    "fieldRef": ATOMIC,
    "configMapKeyRef": ATOMIC,
    "secretKeyRef": ATOMIC,
    "resourceFieldRef": ATOMIC,
    "involvedObject": ATOMIC,
    "requiredDuringSchedulingIgnoredDuringExecution": ATOMIC,
}


def _built_in(path: SchemaPath) -> MergeRule | None:
    return _BY_LAST_TWO.get(path[-2:]) or _BY_LAST.get(path[-1] if path else "")


BUILT_IN: Final = MergeSchema(_built_in)


def from_openapi(schema: Body) -> MergeSchema:
    """Return the merge schema that a CustomResourceDefinition's OpenAPI schema declares."""
    declared = dict(_declared(schema, ()))
    return MergeSchema(lambda path: declared.get(path) or _METADATA.get(path[-2:]))


def _declared(schema: Body, path: SchemaPath) -> list[tuple[SchemaPath, MergeRule]]:
    rules: list[tuple[SchemaPath, MergeRule]] = []
    if schema.get("x-kubernetes-map-type") == "atomic":
        rules.append((path, ATOMIC))
    match schema.get("x-kubernetes-list-type"):
        case "map":
            rules.append((path, keyed(*schema["x-kubernetes-list-map-keys"])))
        case "set":
            rules.append((path, SET))
    for name, child in (schema.get("properties") or {}).items():
        rules += _declared(child, (*path, name))
    if isinstance(schema.get("items"), dict):
        rules += _declared(schema["items"], (*path, "[]"))
    return rules
