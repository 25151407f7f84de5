"""The spec of a RolloutDecision as far as the command line gives it, and which of its fields are still missing."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import Final

from seatrial.api import names, rollout_decision, validation
from seatrial.api.objects import Body
from seatrial.cli.errors import CommandError

Action = rollout_decision.Action

_OPTIONS: Final = {"step": "step", "attempt": "attempt", "toRevision": "to"}
"""Fields of the spec, with the options that set them."""

_PLACEHOLDER: Final = "0" * 10
_OTHER_PLACEHOLDER: Final = "f" * 10


def spec_from_options(options: argparse.Namespace) -> Body:
    """Return the fields that the command line gives; raise CommandError if the API server would reject one of them."""
    optional = {field: getattr(options, option) for field, option in _OPTIONS.items()}
    spec = {
        "deployment": options.name,
        **({"revision": options.revision} if options.revision else {}),
        "action": str(Action(str(options.action).capitalize())),
        **{field: value for field, value in optional.items() if value is not None},
        **({"decidedBy": options.by} if options.by is not None else {}),
        **({"reason": options.reason} if options.reason else {}),
    }
    _validate(_with_placeholders(spec))
    return spec


def bound_field(action: str) -> str:
    """Return the field that binds a decision to more than its revision, if a status gives it; empty for none."""
    return "step" if action == Action.SKIP else "attempt" if action in rollout_decision.WITH_ATTEMPT else ""


def names_target(spec: Body) -> bool:
    """Return whether the spec says what it is about, so that no status is needed."""
    field = bound_field(spec["action"])
    has_destination = spec["action"] != Action.ROLLBACK or "toRevision" in spec
    return "revision" in spec and (not field or field in spec) and has_destination


def is_complete(spec: Body) -> bool:
    """Return whether the spec has every field, so that no cluster is needed."""
    return names_target(spec) and "decidedBy" in spec


def manifest(spec: Body, *, namespace: str, now: datetime) -> Body:
    """Return the RolloutDecision; raise CommandError if the API server would reject it.

    `kubectl get` sorts by name: the time in it puts the decisions about one object into their order.
    """
    prefix = f"{spec['deployment']}-{now.astimezone(UTC):%Y%m%dt%H%M%S}-"
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.DECISION_KIND,
        "metadata": {"generateName": prefix, **({"namespace": namespace} if namespace else {})},
        "spec": _validate(spec).to_dict(),
    }


def _with_placeholders(spec: Body) -> Body:
    """Return the spec with valid values in its missing fields, so that the others can be validated offline."""
    field = bound_field(spec["action"])
    placeholders: Body = {
        "revision": _PLACEHOLDER,
        **({field: 1} if field else {}),
        **({"toRevision": _OTHER_PLACEHOLDER} if spec["action"] == Action.ROLLBACK else {}),
        "decidedBy": "somebody",
    }
    return {**placeholders, **spec}


def _validate(spec: Body) -> rollout_decision.DecisionSpec:
    try:
        return validation.validate(rollout_decision.DecisionSpec, spec)
    except validation.InvalidSpec as error:
        raise CommandError(str(error)) from None
