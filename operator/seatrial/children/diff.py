"""Compares a rendered child with the observed one, and returns the action that makes them equal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seatrial.api import quantities
from seatrial.api.objects import Body
from seatrial.children import actions
from seatrial.manifests import metadata

QUANTITY_MAPS = frozenset({"requests", "limits"})
EXACT_MAPS = frozenset({"selector", "matchLabels", "nodeSelector"})
"""Maps in which an additional key changes the meaning."""
QUANTITIES = frozenset({"averageValue", "sizeLimit", "divisor"})
TARGETS = frozenset({"target"})
"""Of a metric: its `value` is an amount, elsewhere it is a text."""
LEFT_OUT_WHEN_FALSE = frozenset({"readOnly", "paused"})
"""Fields that the API server does not keep when they are false."""
CONTAINERS = ("containers", "initContainers")
"""Lists of containers in the pod spec of a Deployment: all of them are ours."""
IMMUTABLE = frozenset({"ControllerRevision", "Job"})
"""Created once; a changed rendering of the same name is not applied."""


def change(wanted: Body, seen: Body | None) -> actions.Action | None:
    """Return the action that makes the child as rendered; None when it is."""
    if seen is None:
        return actions.Create(wanted)
    if seen["metadata"].get("deletionTimestamp"):
        return None
    if wanted["kind"] in IMMUTABLE or wanted.get("immutable"):
        return None if _same_owner(wanted, seen) else _apply_action(_head_only(wanted), seen)
    return None if is_as_wanted(wanted, seen) else _apply_action(wanted, seen)


def adoption(owner: Body, seen: Body) -> actions.Apply | None:
    """Return the action that adopts an immutable orphan; None when it has an owner. `owner`: the reference."""
    if seen["metadata"].get("ownerReferences") or seen["metadata"].get("deletionTimestamp"):
        return None
    return _apply_action(_metadata_only(seen, ownerReferences=[owner]), seen)


def annotate_action(seen: Body, values: Mapping[str, str]) -> actions.Apply:
    """Return the action that annotates an immutable child; an empty value removes the annotation."""
    known = {**(seen["metadata"].get("annotations") or {}), **values}
    noted = {key: text for key, text in known.items() if text or key not in values}
    owners = seen["metadata"].get("ownerReferences") or []
    return _apply_action(_metadata_only(seen, annotations=noted, ownerReferences=owners), seen)


def note_action(wanted: Body, seen: Body, name: str, value: str) -> actions.Apply | None:
    """Return the action that annotates a child that is as rendered; None when it has the annotation.

    Nothing takes the annotation away but the next rendering.
    """
    if (seen["metadata"].get("annotations") or {}).get(name) == value or seen["metadata"].get(
        "deletionTimestamp"
    ):
        return None
    annotations = {**wanted["metadata"]["annotations"], name: value}
    return _apply_action({**wanted, "metadata": {**wanted["metadata"], "annotations": annotations}}, seen)


def _metadata_only(seen: Body, **head: Any) -> Body:
    """Return an observed child with other metadata and without its content; a ControllerRevision keeps its number.

    A field that we applied once and leave out later is taken away: the number would be 0.
    """
    kept = {name: seen["metadata"].get(name) or {} for name in ("namespace", "name", "labels", "annotations")}
    number = {"revision": seen["revision"]} if "revision" in seen else {}
    return {"apiVersion": seen["apiVersion"], "kind": seen["kind"], "metadata": {**kept, **head}, **number}


def is_as_wanted(wanted: Body, seen: Body) -> bool:
    """Return whether every rendered field has our value, whatever the server and others have added."""
    noted = (seen["metadata"].get("annotations") or {}).get(metadata.APPLIED)
    if noted != wanted["metadata"]["annotations"][metadata.APPLIED]:
        return False
    if without_foreign_containers(wanted, seen) is not None:
        return False
    return _within({k: v for k, v in wanted.items() if k not in {"apiVersion", "kind"}}, seen)


def without_foreign_containers(wanted: Body, seen: Body) -> Body | None:
    """Return the merge patch that takes out what others added to the containers of our pods; None if nothing.

    A server-side apply only removes what its own manager has applied before.
    """
    ours, theirs = _pod_spec(wanted), _pod_spec(seen)
    if not ours:
        return None
    patch: Body = {}
    for field in CONTAINERS:
        names = {container["name"] for container in ours.get(field) or ()}
        kept = [container for container in theirs.get(field) or () if container.get("name") in names]
        if len(kept) < len(theirs.get(field) or ()):
            patch[field] = kept or None
    version = seen["metadata"].get("resourceVersion", "")
    head = {"metadata": {"resourceVersion": version}}
    return {**head, "spec": {"template": {"spec": patch}}} if patch else None


def _pod_spec(deployment: Body) -> Body:
    template = (deployment.get("spec") or {}).get("template") or {}
    pod_spec: Body = template.get("spec") or {}
    return pod_spec if deployment.get("kind", "Deployment") == "Deployment" else {}


def _same_owner(wanted: Body, seen: Body) -> bool:
    return _within(wanted["metadata"]["ownerReferences"], seen["metadata"].get("ownerReferences") or [])


def _head_only(wanted: Body) -> Body:
    return {key: wanted[key] for key in ("apiVersion", "kind", "metadata")}


def _apply_action(wanted: Body, seen: Body) -> actions.Apply:
    head = {
        **wanted["metadata"],
        "uid": seen["metadata"].get("uid", ""),
        "resourceVersion": seen["metadata"].get("resourceVersion", ""),
    }
    return actions.Apply({**wanted, "metadata": head})


def _within(wanted: Any, seen: Any, key: str = "") -> bool:
    if wanted == seen or (_is_empty(wanted) and _is_empty(seen)):
        return True
    if isinstance(wanted, Mapping):
        return isinstance(seen, Mapping) and _map_within(wanted, seen, key)
    if isinstance(wanted, list | tuple):
        return isinstance(seen, list) and _list_within(wanted, seen)
    if key in QUANTITIES:
        return seen is not None and _same_amount(wanted, seen)
    return key in LEFT_OUT_WHEN_FALSE and not wanted and not seen


def _is_empty(value: Any) -> bool:
    """Return whether a value is empty: the API server keeps no empty strings, lists and maps."""
    return value is None or value in ("", [], {}, ())


def _map_within(wanted: Mapping[str, Any], seen: Mapping[str, Any], key: str) -> bool:
    if key in EXACT_MAPS and not (set(seen) <= set(wanted)):
        return False
    if key in QUANTITY_MAPS or (key in TARGETS and "value" in wanted):
        return all(name in seen and _same_amount(amount, seen[name]) for name, amount in wanted.items())
    return all(_within(value, seen.get(name), name) for name, value in wanted.items())


def _list_within(wanted: list[Any] | tuple[Any, ...], seen: list[Any]) -> bool:
    if wanted and isinstance(wanted[0], Mapping) and "uid" in wanted[0]:
        return all(any(_within(w, s) for s in seen) for w in wanted)
    return len(wanted) == len(seen) and all(_within(w, s) for w, s in zip(wanted, seen, strict=True))


def _same_amount(one: Any, other: Any) -> bool:
    """Return whether two quantities are equal, however they are spelled; other strings are compared as they are."""
    try:
        return quantities.canonical_quantity(one) == quantities.canonical_quantity(other)
    except (ValueError, ArithmeticError):
        return bool(one == other)
