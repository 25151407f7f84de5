"""Label and field selectors, as an API server reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from seatrial.api import objects
from seatrial.api.objects import Body
from seatrial.kube import failures

Test = Callable[[dict[str, str]], bool]
_SET_TERM: Final = re.compile(r"^(?P<key>\S+)\s+(?P<word>in|notin)\s*\((?P<values>[^)]*)\)$")
_FIELDS: Final = (
    "metadata.name",
    "metadata.namespace",
    "involvedObject.kind",
    "involvedObject.name",
    "involvedObject.namespace",
    "involvedObject.uid",
    "involvedObject.fieldPath",
    "reason",
    "type",
    "spec.nodeName",
    "status.phase",
)


def matcher(labels: str, fields: str) -> Callable[[Body], bool]:
    """Says of an object whether both selectors, in the words of a query string, choose it."""
    label_tests = [_label_test(term) for term in _terms(labels)]
    field_tests = [_field_test(term) for term in _terms(fields)]

    def matches(body: Body) -> bool:
        found = objects.labels_of(body)
        return all(test(found) for test in label_tests) and all(test(body) for test in field_tests)

    return matches


def of_object(selector: Body | None) -> Callable[[dict[str, str]], bool]:
    """Says of labels whether a LabelSelector, or a plain map, chooses them."""
    selector = selector or {}
    is_plain = not ({"matchLabels", "matchExpressions"} & set(selector))
    wanted = selector if is_plain else selector.get("matchLabels") or {}
    expressions = [] if is_plain else selector.get("matchExpressions") or []

    def matches(labels: dict[str, str]) -> bool:
        return wanted.items() <= labels.items() and all(_holds(e, labels) for e in expressions)

    return matches


def in_words(selector: Body | None) -> str:
    """A LabelSelector as a query string."""
    selector = selector or {}
    terms = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    words = {"In": "in", "NotIn": "notin"}
    for e in selector.get("matchExpressions") or []:
        listed = f"{e['key']} {words.get(e['operator'])} ({','.join(e.get('values') or [])})"
        terms.append({"Exists": e["key"], "DoesNotExist": f"!{e['key']}"}.get(e["operator"], listed))
    return ",".join(terms)


def _holds(expression: Body, labels: dict[str, str]) -> bool:
    value = labels.get(expression["key"])
    values = expression.get("values") or []
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case _:
            return value is None


def _terms(selector: str) -> Iterable[str]:
    """The terms between the commas that stand outside parentheses."""
    return (term.strip() for term in re.split(r",(?![^(]*\))", selector) if term.strip())


def _label_test(term: str) -> Test:
    if found := _SET_TERM.match(term):
        values = {value.strip() for value in found["values"].split(",")}
        key = found["key"]
        if found["word"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    for sign in ("!=", "==", "="):
        if sign in term:
            key, _, wanted = (part.strip() for part in term.partition(sign))
            return _equality(key, wanted, negated=sign == "!=")
    if term.startswith("!"):
        return lambda labels: term[1:].strip() not in labels
    return lambda labels: term in labels


def _equality(key: str, wanted: str, *, negated: bool) -> Test:
    return lambda labels: (labels.get(key) == wanted) is not negated


def _field_test(term: str) -> Callable[[Body], bool]:
    sign = "!=" if "!=" in term else "==" if "==" in term else "="
    field, _, wanted = (part.strip() for part in term.partition(sign))
    if field not in _FIELDS:
        raise failures.Invalid(400, "BadRequest", f'"{field}" is not a known field selector')

    def test(body: Body) -> bool:
        value: object = body
        for name in field.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return (str(value or "") == wanted) is (sign != "!=")

    return test
