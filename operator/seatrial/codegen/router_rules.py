"""The chart's RBAC rules for the kinds that the built-in routers bring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from seatrial.api.kinds import Kind
from seatrial.routers import base
from seatrial.routers.replicas import ReplicaRouter

BUILT_IN: Final[Mapping[str, base.RouterPlugin]] = {"replicas": ReplicaRouter}
VERBS: Final = ("get", "list", "watch", "create", "patch", "delete")


def template(header: str) -> str:
    """Return the chart's template `seatrial.routerRules`, one rule for each kind."""
    rules = "\n".join(_rule(kind) for kind in base.kinds_of(BUILT_IN))
    return f'{{{{/* {header} */}}}}\n{{{{- define "seatrial.routerRules" -}}}}\n{rules}\n{{{{- end }}}}\n'


def _rule(kind: Kind) -> str:
    group = kind.group or '""'
    return f"- apiGroups: [{group}]\n  resources: [{kind.plural}]\n  verbs: [{', '.join(VERBS)}]"
