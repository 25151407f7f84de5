"""The types of the fields of Kubernetes' own kinds, as the OpenAPI documents of a real API server declare them.

`field_types.json` has them; `python -m tests.apiserver.field_types KUBECONFIG` writes it from a running cluster, and a
contract test compares it with a real one.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

from seatrial.api import kinds
from seatrial.api.kinds import Kind
from seatrial.kube import http
from seatrial.kube.transport import Request

FILE: Final = Path(__file__).with_name("field_types.json")
CHECKED: Final = (kinds.DEPLOYMENT, kinds.HPA, kinds.JOB, kinds.SERVICE, kinds.PDB)
_KINDS: Final = frozenset(kind.kind for kind in CHECKED)
_ANY: Final = "any"
_PREFIX: Final = "#/components/schemas/"

FieldTypes = Mapping[str, Mapping[str, str]]
"""Per type the type of each field: `string`, `Toleration`, `[]Toleration`, `{}string`, `any`."""


def stored() -> FieldTypes:
    """Return the types of the file."""
    types: FieldTypes = json.loads(FILE.read_text())
    return types


async def read(get: Callable[[str], Awaitable[Any]]) -> FieldTypes:
    """Return the types that a real API server declares; `get` returns the JSON of a path."""
    types: dict[str, dict[str, str]] = {}
    for kind in CHECKED:
        group = f"apis/{kind.group}/{kind.version}" if kind.group else f"api/{kind.version}"
        schemas = (await get(f"/openapi/v3/{group}"))["components"]["schemas"]
        _add(_full_name(kind, schemas), schemas, types)
    return {name: dict(sorted(fields.items())) for name, fields in sorted(types.items())}


def _full_name(kind: Kind, schemas: Any) -> str:
    """Return the name of the schema of a kind, such as `io.k8s.api.apps.v1.Deployment`."""
    wanted = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    return next(
        name
        for name, schema in schemas.items()
        if wanted in schema.get("x-kubernetes-group-version-kind", [])
    )


def _add(name: str, schemas: Any, types: dict[str, dict[str, str]]) -> None:
    short = name.rpartition(".")[2]
    if short in types:
        return
    types[short] = fields = {}
    for field, schema in schemas[name].get("properties", {}).items():
        if short not in _KINDS or field not in {"metadata", "status"}:
            fields[field] = _type_of(schema, schemas, types)


def _type_of(schema: Any, schemas: Any, types: dict[str, dict[str, str]]) -> str:
    if "allOf" in schema:
        return _type_of(schema["allOf"][0], schemas, types)
    if "$ref" in schema:
        return _type_named(schema["$ref"].removeprefix(_PREFIX), schemas, types)
    match schema.get("type"):
        case "array":
            return "[]" + _type_of(schema["items"], schemas, types)
        case "object" if "additionalProperties" in schema:
            return "{}" + _type_of(schema["additionalProperties"], schemas, types)
        case str(scalar) if scalar != "object":
            return scalar
    return _ANY


def _type_named(name: str, schemas: Any, types: dict[str, dict[str, str]]) -> str:
    if "properties" in schemas[name]:
        _add(name, schemas, types)
        return name.rpartition(".")[2]
    return "string" if schemas[name].get("type") == "string" else _ANY


async def _write(kubeconfig: str) -> None:
    connection = http.HttpTransport(http.from_kubeconfig(kubeconfig))

    async def get(path: str) -> Any:
        return json.loads((await connection.request(Request("GET", path))).body)

    types = await read(get)
    await connection.close()
    lines = (f"{json.dumps(name)}: {json.dumps(fields)}" for name, fields in types.items())
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    asyncio.run(_write(sys.argv[1]))
