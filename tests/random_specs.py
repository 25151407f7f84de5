"""Specs that the CRD's schema accepts, however odd: every one of them may be in a cluster.

They follow the structure of the generated CRD and not its CEL rules: an earlier version had others, and the operator
has to live with whatever was stored. `mutations` is a catalogue of single oddities, one after the other; `RandomSpecs`
combines them at random from a seed.
"""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from seatrial.api import cel, model_deployment, names
from seatrial.api.objects import Body
from seatrial.codegen import generate

CRD: Final = generate.REPOSITORY / "crds" / f"{names.GROUP}_modeldeployments.yaml"
FREE: Final = "x-kubernetes-preserve-unknown-fields"
DIGEST: Final = "sha256:" + "a" * 64

ODD_STRINGS: Final = (
    *("", "a b", " ", "a\nb", "\x00", "a" * 63, "b" * 253, "0." + "0" * 21 + "1"),
    *Path(__file__).with_name("odd_strings.txt").read_text(encoding="utf-8").splitlines(),
    *(DIGEST, f"oci://[:::]/m@{DIGEST}", f"registry.shop/a@{DIGEST}", f"x@{DIGEST}", f"[::1]/x@{DIGEST}"),
)
"""Of these a string field takes those that its pattern and its length allow."""

NESTED: Final = {"a": [{"b": []}]}
DEEP: Final = functools.reduce(lambda inner, _: {"a": [inner]}, range(150), NESTED)
ODD_VALUES: Final = (
    None,
    True,
    0,
    -1,
    2**63,
    0.5,
    1e300,
    "",
    "x",
    "1Gi",
    [],
    [None],
    [1, "a", {}],
    {},
    NESTED,
    DEEP,
)
ODD_KEYS: Final = (
    "kee",
    "name",
    "key",
    "items",
    "sources",
    "optional",
    "path",
    "secretName",
    "target",
    "type",
)
KEYS: Final = (
    "cpu",
    "memory",
    "nvidia.com/gpu",
    "",
    "seatrial.dev/x",
    "app.kubernetes.io/name",
    "k" * 63,
    "ü",
)
SMALL: Final = {"replicas": 4, "minReplicas": 3, "maxReplicas": 6}
"""Bounds on counts that make a test slow and nothing else."""


@functools.cache
def schema() -> Body:
    """Return the structural schema of `spec`."""
    crd = yaml.safe_load(CRD.read_text(encoding="utf-8"))
    whole: Body = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    found: Body = whole["properties"]["spec"]
    return found


Place = tuple[tuple[str, ...], Body]
"""The path of a field below `spec` and its schema."""


@functools.cache
def places() -> tuple[Place, ...]:
    """Return every field that can be set without an item of a list."""
    return tuple(_below((), schema()))


def _below(path: tuple[str, ...], node: Body) -> Iterator[Place]:
    for name, part in node.get("properties", {}).items():
        yield (*path, name), part
        yield from _below((*path, name), part)


def with_value(spec: Body, path: tuple[str, ...], value: Any) -> Body:
    """Return the spec with the field set; a source of the model takes the place of the other."""
    changed: Body = json.loads(json.dumps(spec))
    parent = changed
    for name in path[:-1]:
        parent = parent.setdefault(name, {})
    parent[path[-1]] = value
    if path == ("model", "uri") and value:
        changed["model"].pop("image", None)
    return changed


def is_accepted(spec: Body) -> bool:
    """Return whether this version of the operator would carry the spec out."""
    body = {"metadata": {"name": "churn", "namespace": "shop"}, "spec": spec}
    return not model_deployment.parse_leniently(body).refused


def mutations(base: Body) -> Iterator[tuple[str, Body]]:
    """Yield every field with every odd value that its schema accepts, one at a time, each with a name."""
    for path, node in places():
        for number, value in enumerate(_objects(node) if _type_of(node) == "object" else _values(node)):
            yield f"{'.'.join(path)}#{number}", with_value(base, path, value)


def _values(node: Body) -> Iterator[Any]:
    """Yield the odd values of one field, each part of it odd at least once."""
    match _type_of(node):
        case "object":
            yield from _objects(node)
            yield from _objects_with_odd_fields(node)
        case "array":
            yield []
            yield from ([item] for item in _values(node["items"]))
        case "string":
            yield from _strings(node)
        case "integer":
            yield from sorted({_limit(node, "minimum"), _limit(node, "minimum") + 1, _limit(node, "maximum")})
        case "boolean":
            yield from (True, False)
        case _:
            yield from (0, 1, 2**31, *_strings(node))


def _objects_with_odd_fields(node: Body) -> Iterator[Body]:
    for name, part in node.get("properties", {}).items():
        yield from ({**_required(node), name: value} for value in _values(part))


def _objects(node: Body) -> Iterator[Body]:
    """Yield the object with its required fields alone, and with every key that is not declared."""
    required = _required(node)
    yield required
    if isinstance(extra := node.get("additionalProperties"), dict):
        example = next(iter(_values(extra)))
        yield from ({key: example} for key in KEYS)
        yield from ({"cpu": value} for value in _values(extra))
    if node.get(FREE):
        yield from ({**required, key: value} for key, value in _odd_fields())


def _odd_fields() -> Iterator[tuple[str, Any]]:
    """Yield every odd key with some of the odd values, and every value with some of the keys."""
    for place, key in enumerate(ODD_KEYS):
        yield from ((key, value) for number, value in enumerate(ODD_VALUES) if (place + number) % 4 == 0)


def _required(node: Body) -> Body:
    return {name: _first(node["properties"][name]) for name in node.get("required", ())}


def _first(node: Body) -> Any:
    """Return an ordinary value: the first that is not empty."""
    values = list(_values(node))
    return next((value for value in values if value not in ("", "-", ".", "..", "/")), values[0])


def _type_of(node: Body) -> str:
    return "" if node.get("x-kubernetes-int-or-string") else str(node.get("type", ""))


def _limit(node: Body, name: str) -> int:
    return int(node.get(name, 0))


def _strings(node: Body) -> tuple[str, ...]:
    if "enum" in node:
        return tuple(node["enum"])
    return _fitting(node.get("pattern", ""), int(node.get("minLength", 0)), int(node.get("maxLength", 1024)))


@functools.cache
def _fitting(pattern: str, shortest: int, longest: int) -> tuple[str, ...]:
    fits = (text for text in ODD_STRINGS if shortest <= len(text) <= longest)
    return tuple(text for text in fits if cel.matches(pattern, text))


class RandomSpecs:
    """Specs from a seed: each is the base with one to five odd fields."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def spec(self, base: Body, *, accepted: bool | None = None) -> Body:
        """Return a spec; `accepted`: only one that this version carries out. None: mostly."""
        wanted = accepted if accepted is not None else self._random.random() < 0.7
        spec = base
        for _ in range(self._random.randint(1, 5)):
            for _ in range(20):
                changed = with_value(spec, *self._change())
                if not wanted or is_accepted(changed):
                    spec = changed
                    break
        return spec

    def _change(self) -> tuple[tuple[str, ...], Any]:
        path, node = self._random.choice(places())
        return path, self._value(node, path[-1])

    def _value(self, node: Body, name: str = "") -> Any:
        match _type_of(node):
            case "object":
                return self._object(node)
            case "array":
                return [self._value(node["items"]) for _ in range(self._random.randint(0, 2))]
            case "integer":
                low, high = _limit(node, "minimum"), SMALL.get(name, _limit(node, "maximum"))
                return self._random.choice([low, high, self._random.randint(low, high)])
            case _:
                return self._random.choice(list(_values(node)))

    def _object(self, node: Body) -> Body:
        required = set(node.get("required", ()))
        properties = node.get("properties", {})
        chosen = {name for name in properties if name in required or self._random.random() < 0.3}
        made = {name: self._value(properties[name], name) for name in properties if name in chosen}
        if isinstance(extra := node.get("additionalProperties"), dict):
            made |= {key: self._value(extra) for key in self._random.sample(KEYS, self._random.randint(0, 3))}
        if node.get(FREE) and self._random.random() < 0.7:
            made |= {self._random.choice(ODD_KEYS): self._random.choice(ODD_VALUES)}
        return made
