"""One plan as YAML: what the status would say, what would be done, and when it looks again."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

import yaml

from seatrial.api import status_fields
from seatrial.api.objects import Body
from seatrial.children import actions
from seatrial.planner import Plan


class _Dumper(yaml.SafeDumper):
    """Block style, no anchors, long sentences on one line."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the base class's signature
        """Equal parts are written out in full."""
        return True


_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)
"""What kubectl reads as a number is quoted where it is a text: a revision may be 0123456789 or 1234567e12."""


def yaml_of(value: Any) -> str:
    """The YAML text of plain values; keys stay in their order."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)


def plan_text(plan: Plan) -> str:
    """The plan as YAML, the same text for the same plan."""
    body: dict[str, Any] = {
        "status": plan.status.to_dict(),
        "actions": [_action(action) for action in plan.actions],
        "events": [
            {k: v for k, v in asdict(event).items() if v} | {"type": str(event.type)} for event in plan.events
        ],
        "wakeAt": None if plan.wake_at is None else status_fields.format_time(plan.wake_at),
    }
    for event in body["events"]:
        event["reason"] = str(event["reason"])
    return yaml_of({key: value for key, value in body.items() if value})


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
            return {"settle": {"decision": name, "phase": str(phase), "message": message}}
