"""Which fields of an object the API server rejects, from the sentences and causes of its answers.

Only sentences name the fields that do not fit a schema: strict decoding, as in a POST, and typed conversion, as in a
server-side apply, each have one form. Causes with a field come from validation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from seatrial.kube import failures
from seatrial.manifests.spec_paths import FieldProblem

_DECODING: Final = re.compile(r"cannot be handled as a \S+: (.*)", re.DOTALL)
_UNKNOWN: Final = re.compile(r'(unknown|duplicate) field "([^"]+)"')
_ILL_TYPED: Final = re.compile(
    r"json: cannot unmarshal (\S+) into Go struct field [^.\s]+\.(\S+) of type (\S+)"
)
_CONVERSION: Final = re.compile(
    r"to proper version: unable to convert unstructured object to [^:]+: (.*)", re.DOTALL
)
_TYPED: Final = re.compile(r"^\s*\.(\S+?): (.+)$", re.MULTILINE)
_UNDECLARED: Final = "field not declared in schema"
_GO_VALUE: Final = re.compile(r"&(?:value\.valueUnstructured)?\{(?:Value:)?(.*)\}")


def field_problems(kind: str, error: failures.ApiError) -> tuple[FieldProblem, ...]:
    """Return the fields of the object of this kind that `error` rejects; empty if it is about something else.

    They are sorted: the API server names them in another order each time, and a status must not change with it.
    """
    if not isinstance(error, failures.Invalid):
        return ()
    found = {*_of_causes(kind, error), *_of_message(kind, error.message)}
    return tuple(sorted(found))


def _of_causes(kind: str, error: failures.ApiError) -> Iterator[FieldProblem]:
    for cause in error.details.get("causes") or ():
        if str(cause.get("field", "")).startswith("spec"):
            yield FieldProblem(kind, cause["field"], str(cause.get("message", "")))


def _of_message(kind: str, message: str) -> Iterator[FieldProblem]:
    if (decoding := _DECODING.search(message)) is not None:
        yield from _of_decoding(kind, decoding[1])
    elif (conversion := _CONVERSION.search(message)) is not None:
        yield FieldProblem(kind, "", conversion[1])
    elif failures.TYPED_PATCH in message:
        for path, text in _TYPED.findall(message.replace("): .", "):\n.", 1)):
            yield FieldProblem(
                kind, path, "unknown field" if text == _UNDECLARED else _GO_VALUE.sub(r"\1", text)
            )


def _of_decoding(kind: str, sentence: str) -> Iterator[FieldProblem]:
    unknown = _UNKNOWN.findall(sentence)
    for what, path in unknown:
        yield FieldProblem(kind, path, f"{what} field")
    if (ill_typed := _ILL_TYPED.search(sentence)) is not None:
        value, path, wanted = ill_typed.groups()
        yield FieldProblem(kind, path, f"expected {wanted}, got {value}")
    elif not unknown:
        yield FieldProblem(kind, "", sentence)
