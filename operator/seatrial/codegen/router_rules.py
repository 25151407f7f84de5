"""The chart's RBAC rules, and the names in its fence, for the kinds that the built-in routers bring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from seatrial.api.kinds import Kind
from seatrial.routers import base
from seatrial.routers.replicas import ReplicaRouter

BUILT_IN: Final[Mapping[str, base.RouterPlugin]] = {"replicas": ReplicaRouter}
VERBS: Final = ("get", "list", "watch", "create", "patch", "delete")


def template(header: str) -> str:
    """Return the chart's templates `seatrial.routerRules`, one rule for each kind, and `seatrial.routerKinds`."""
    kinds = base.kinds_of(BUILT_IN)
    rules = "\n".join(map(_rule, kinds))
    names = ", ".join(f"'{kind.group}/{kind.plural}'" for kind in kinds)
    parts = {"seatrial.routerRules": rules, "seatrial.routerKinds": names}
    defined = [f'{{{{- define "{name}" -}}}}\n{text}\n{{{{- end }}}}\n' for name, text in parts.items()]
    return f"{{{{/* {header} */}}}}\n" + "".join(defined)


def _rule(kind: Kind) -> str:
    group = kind.group or '""'
    return f"- apiGroups: [{group}]\n  resources: [{kind.plural}]\n  verbs: [{', '.join(VERBS)}]"
