"""The YAML of one plan: the status it writes, the actions it takes, the Events it emits, and when it runs again."""

from __future__ import annotations

import re
from typing import Any

import yaml

from seatrial.api import status_fields
from seatrial.api.objects import Body
from seatrial.children import actions
from seatrial.planner import Plan
from seatrial.reporting.events import Event


class _Dumper(yaml.SafeDumper):
    """A YAML dumper for review: block style, no anchors, long strings on one line."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the base class's signature
        """Write equal parts in full, without anchors."""
        return True


_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)
"""Quotes strings that kubectl would read as numbers: a revision may be 0123456789 or 1234567e12."""


def to_yaml(value: Any) -> str:
    """Return the YAML text of plain values; keys keep their order."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)


def plan_to_yaml(plan: Plan) -> str:
    """Return the plan as YAML; equal plans give equal text."""
    sections: dict[str, Any] = {
        "status": plan.status.to_dict(),
        "actions": [_action(action) for action in plan.actions],
        "events": [_event(event) for event in plan.events],
        "wakeAt": None if plan.wake_at is None else status_fields.format_time(plan.wake_at),
    }
    return to_yaml({key: section for key, section in sections.items() if section})


def _event(event: Event) -> Body:
    fields: Body = {"type": str(event.type), "reason": str(event.reason), "message": event.message}
    if event.outcome:
        fields["outcome"] = event.outcome
    if event.seconds:
        fields["seconds"] = event.seconds
    return fields


def _action(action: actions.Action) -> Body:
    match action:
        case actions.Create(body):
            return {"create": body}
        case actions.Apply(body):
            return {"apply": body}
        case actions.Scale(name=name, replicas=replicas):
            return {"scale": {"deployment": name, "replicas": replicas}}
        case actions.Delete(kind=kind, name=name):
            return {"delete": {"kind": kind, "name": name}}
        case actions.AnswerDecision(name=name, phase=phase, message=message):
            return {"answerDecision": {"name": name, "phase": str(phase), "message": message}}
