"""The field reference: the schemas of the CRDs as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from seatrial.api import durations, names, quantities, reasons
from seatrial.codegen import crd, schema

_EFFECTS = {
    reasons.ReasonClass.TRANSIENT: "the operator retries with back-off",
    reasons.ReasonClass.TERMINAL: "the revision is rejected and not tried again",
    reasons.ReasonClass.SPEC: "the operator waits for a new spec",
    reasons.ReasonClass.INFORMATION: "none; the reason is only reported",
}


def reference(kinds: Iterable[crd.Kind]) -> str:
    """Return a Markdown page with the fields and validation messages of each kind, and all reasons."""
    lines = ["# Field reference", ""]
    for kind in kinds:
        lines += _kind_section(kind)
    return "\n".join([*lines, *_reason_section()]) + "\n"


def _kind_section(kind: crd.Kind) -> list[str]:
    document = crd.object_schema(kind)
    short = ", ".join(f"`{name}`" for name in kind.short_names)
    lines = [f"## {kind.kind}", "", f"`{names.API_VERSION}`, short {short}. {kind.description}", ""]
    for part in ("spec", "status"):
        lines += [f"### {kind.kind}: {part}", "", "| field | type | description |", "|---|---|---|"]
        lines += [_row(path, field, required=required) for path, field, required in _fields(document, part)]
        lines.append("")
    messages = dict.fromkeys(_validation_messages(document))
    return [*lines, f"### {kind.kind}: validation", "", *(f"* {text}" for text in messages), ""]


def _fields(document: schema.Schema, part: str) -> Iterator[tuple[str, schema.Schema, bool]]:
    yield from _descendants(document["properties"][part], part)


def _descendants(parent: schema.Schema, path: str) -> Iterator[tuple[str, schema.Schema, bool]]:
    for child_path, child in schema.parts(parent, path):
        name = child_path.rpartition(".")[2]
        if "description" in child and not child_path.endswith(("[]", "{}")):
            yield child_path, child, name in parent.get("required", ())
        yield from _descendants(child, child_path)


def _row(path: str, field: schema.Schema, *, required: bool) -> str:
    description = field["description"].replace("|", "\\|")
    return f"| `{path}`{' (required)' if required else ''} | {_type_of(field)} | {description} |"


def _type_of(field: schema.Schema) -> str:
    if "enum" in field:
        return "one of " + ", ".join(f"`{value}`" for value in field["enum"])
    for message, name in ((durations.EXPECTED, "duration"), (quantities.NOT_NEGATIVE, "quantity")):
        if any(rule["message"] == message for rule in field.get("x-kubernetes-validations", ())):
            return name
    if field.get("format") == "date-time":
        return "time"
    if field.get("x-kubernetes-int-or-string"):
        return "integer or string"
    return _plain_type(field)


def _plain_type(field: schema.Schema) -> str:
    match field["type"]:
        case "integer" if "maximum" in field:
            return f"integer {field['minimum']}–{field['maximum']}"
        case "array":
            return f"list of {_type_of(field['items'])}, at most {field['maxItems']}"
        case "object" if "additionalProperties" in field:
            return f"map to {_type_of(field['additionalProperties'])}, at most {field['maxProperties']}"
        case "object" if schema.is_open(field):
            return "any object"
        case name:
            return str(name)


def _validation_messages(part: schema.Schema) -> Iterator[str]:
    for rule in part.get("x-kubernetes-validations", ()):
        yield rule["message"]
    for _, child in schema.parts(part):
        yield from _validation_messages(child)


def _reason_section() -> list[str]:
    lines = ["## Reasons", "", "| effect | reasons |", "|---|---|"]
    for reason_class, effect in _EFFECTS.items():
        members = [reason for reason in reasons.Reason if reasons.class_of(reason) is reason_class]
        lines.append(f"| {effect} | {', '.join(f'`{reason}`' for reason in members)} |")
    return lines
