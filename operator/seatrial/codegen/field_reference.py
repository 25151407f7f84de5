"""The field reference: the CRDs' schemas as tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from seatrial.api import durations, names, quantities, reasons
from seatrial.codegen import crd, schema

_CLASSES = {
    reasons.ReasonClass.TRANSIENT: "tried again with back-off; heals by itself",
    reasons.ReasonClass.TERMINAL: "the revision is rejected and remembered",
    reasons.ReasonClass.SPEC: "nothing is done until the spec changes",
    reasons.ReasonClass.INFORMATION: "said, nothing else follows",
}


def reference(kinds: Iterable[crd.Kind]) -> str:
    """A Markdown page: for each kind its fields, what is refused, and at the end the reasons."""
    lines = ["# Field reference", ""]
    for kind in kinds:
        lines += _of_kind(kind)
    return "\n".join([*lines, *_reasons()]) + "\n"


def _of_kind(kind: crd.Kind) -> list[str]:
    whole = crd.object_schema(kind)
    short = ", ".join(f"`{name}`" for name in kind.short_names)
    lines = [f"## {kind.kind}", "", f"`{names.API_VERSION}`, short {short}. {kind.description}", ""]
    for part in ("spec", "status"):
        lines += [f"### {kind.kind}: {part}", "", "| field | type | meaning |", "|---|---|---|"]
        lines += [_row(path, field, needed=needed) for path, field, needed in _fields(whole, part)]
        lines.append("")
    refusals = dict.fromkeys(_refusals(whole))
    return [*lines, f"### {kind.kind}: what is refused", "", *(f"* {text}" for text in refusals), ""]


def _fields(whole: schema.Schema, part: str) -> Iterator[tuple[str, schema.Schema, bool]]:
    yield from _below(whole["properties"][part], part)


def _below(parent: schema.Schema, path: str) -> Iterator[tuple[str, schema.Schema, bool]]:
    for below, field in schema.parts(parent, path):
        name = below.rpartition(".")[2]
        if "description" in field and not below.endswith(("[]", "{}")):
            yield below, field, name in parent.get("required", ())
        yield from _below(field, below)


def _row(path: str, field: schema.Schema, *, needed: bool) -> str:
    meaning = field["description"].replace("|", "\\|")
    return f"| `{path}`{' (required)' if needed else ''} | {_kind_of(field)} | {meaning} |"


def _kind_of(field: schema.Schema) -> str:
    if "enum" in field:
        return "one of " + ", ".join(f"`{word}`" for word in field["enum"])
    for text, kind in ((durations.EXPECTED, "duration"), (quantities.NOT_NEGATIVE, "quantity")):
        if any(rule["message"] == text for rule in field.get("x-kubernetes-validations", ())):
            return kind
    if field.get("format") == "date-time":
        return "time"
    if field.get("x-kubernetes-int-or-string"):
        return "integer or string"
    return _plain_kind(field)


def _plain_kind(field: schema.Schema) -> str:
    match field["type"]:
        case "integer" if "maximum" in field:
            return f"integer {field['minimum']}–{field['maximum']}"
        case "array":
            return f"list of {_kind_of(field['items'])}, at most {field['maxItems']}"
        case "object" if "additionalProperties" in field:
            return f"map to {_kind_of(field['additionalProperties'])}, at most {field['maxProperties']}"
        case "object" if schema.is_free(field):
            return "any object"
        case kind:
            return str(kind)


def _refusals(part: schema.Schema) -> Iterator[str]:
    for rule in part.get("x-kubernetes-validations", ()):
        yield rule["message"]
    for _, below in schema.parts(part):
        yield from _refusals(below)


def _reasons() -> list[str]:
    lines = ["## Reasons", "", "| what follows | reasons |", "|---|---|"]
    for kind, meaning in _CLASSES.items():
        words = ", ".join(f"`{reason}`" for reason in reasons.Reason if reasons.class_of(reason) is kind)
        lines.append(f"| {meaning} | {words} |")
    return lines
