"""Label and field selectors with the semantics of the API server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from seatrial.api import objects
from seatrial.api.objects import Body
from seatrial.kube import failures

Test = Callable[[dict[str, str]], bool]
_SET_TERM: Final = re.compile(r"^(?P<key>\S+)\s+(?P<operator>in|notin)\s*\((?P<values>[^)]*)\)$")
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


def matcher(label_selector: str, field_selector: str) -> Callable[[Body], bool]:
    """Return a predicate for objects that match both selectors, given in query syntax."""
    label_tests = [_label_test(term) for term in _terms(label_selector)]
    field_tests = [_field_test(term) for term in _terms(field_selector)]

    def matches(body: Body) -> bool:
        labels = objects.labels_of(body)
        return all(test(labels) for test in label_tests) and all(test(body) for test in field_tests)

    return matches


def label_matcher(selector: Body | None) -> Callable[[dict[str, str]], bool]:
    """Return a predicate for labels that match a LabelSelector or a plain map."""
    selector = selector or {}
    is_plain = not ({"matchLabels", "matchExpressions"} & set(selector))
    expected = selector if is_plain else selector.get("matchLabels") or {}
    expressions = [] if is_plain else selector.get("matchExpressions") or []

    def matches(labels: dict[str, str]) -> bool:
        return expected.items() <= labels.items() and all(_holds(e, labels) for e in expressions)

    return matches


def to_query(selector: Body | None) -> str:
    """Return a LabelSelector in query syntax."""
    selector = selector or {}
    terms = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    operators = {"In": "in", "NotIn": "notin"}
    for e in selector.get("matchExpressions") or []:
        listed = f"{e['key']} {operators.get(e['operator'])} ({','.join(e.get('values') or [])})"
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
    """Split a selector at the commas outside parentheses."""
    return (term.strip() for term in re.split(r",(?![^(]*\))", selector) if term.strip())


def _label_test(term: str) -> Test:
    if found := _SET_TERM.match(term):
        values = {value.strip() for value in found["values"].split(",")}
        key = found["key"]
        if found["operator"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    for sign in ("!=", "==", "="):
        if sign in term:
            key, _, expected = (part.strip() for part in term.partition(sign))
            return _equality(key, expected, negated=sign == "!=")
    if term.startswith("!"):
        return lambda labels: term[1:].strip() not in labels
    return lambda labels: term in labels


def _equality(key: str, expected: str, *, negated: bool) -> Test:
    return lambda labels: (labels.get(key) == expected) is not negated


def _field_test(term: str) -> Callable[[Body], bool]:
    sign = "!=" if "!=" in term else "==" if "==" in term else "="
    field, _, expected = (part.strip() for part in term.partition(sign))
    if field not in _FIELDS:
        raise failures.Invalid(400, "BadRequest", f'"{field}" is not a known field selector')

    def test(body: Body) -> bool:
        value: object = body
        for name in field.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return (str(value or "") == expected) is (sign != "!=")

    return test
