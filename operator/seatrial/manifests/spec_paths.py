"""From the fields of a child to the fields of the spec that they were rendered from: what a message should name."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

_POD: Final = r"spec\.template\.spec\."
_SERVER: Final = _POD + r"containers\[(?:0|name=\"server\")\]\."
_SAME_NAME: Final = (
    "nodeSelector|tolerations|affinity|topologySpreadConstraints|priorityClassName|runtimeClassName"
    "|serviceAccountName|imagePullSecrets|terminationGracePeriodSeconds|volumes"
)
_SOURCES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "Deployment": (
        (_POD + rf"({_SAME_NAME})\b", r"spec.serving.pod.\1"),
        (_SERVER + r"volumeMounts\b", "spec.serving.pod.volumeMounts"),
        (_SERVER + r"(env|envFrom|resources)\b", r"spec.serving.\1"),
        (r"spec\.template\.metadata\.(labels|annotations)\b", r"spec.serving.pod.\1"),
        (r"spec\.template\.(labels|annotations)\b", r"spec.serving.pod.\1"),
    ),
    "HorizontalPodAutoscaler": (
        (r"spec\.metrics(\[\d+\])", r"spec.scaling.metrics\1.raw"),
        (r"spec\.(behavior|minReplicas|maxReplicas)\b", r"spec.scaling.\1"),
    ),
    "PodDisruptionBudget": ((r"spec\.maxUnavailable\b", "spec.scaling.disruptionBudget.maxUnavailable"),),
}
"""By kind of the child: the beginning of a path there, and of the same path in the spec. The server's lists begin
with what the spec has, except for `env`."""


@dataclass(frozen=True, slots=True, order=True)
class FieldProblem:
    """What the API server says about one field of a child; `path` is empty where it does not say which."""

    kind: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path or self.kind}: {self.message}"


def in_terms_of_spec(problem: FieldProblem, *, own_variables: int = 0) -> FieldProblem:
    """Return the problem with the path of the spec's field; with that of the child where the spec has none.

    `own_variables`: how many environment variables of the operator come before those of the spec.
    """
    for pattern, source in _SOURCES.get(problem.kind, ()):
        if re.match(pattern, problem.path):
            path = re.sub(pattern, source, problem.path, count=1)
            return replace(problem, path=_without_own(path, own_variables))
    return replace(problem, path=f"{problem.kind} {problem.path}".strip())


def _without_own(path: str, own: int) -> str:
    """Return the path in which the variables of the operator are not counted."""

    def shifted(match: re.Match[str]) -> str:
        return f"spec.serving.env[{int(match[1]) - own}]"

    return re.sub(r"^spec\.serving\.env\[(\d+)\]", shifted, path)
