"""`spec.scaling`: how many pods serve."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field, PlainValidator, WithJsonSchema

from seatrial.api import base, cel, fields, podspec

DEFAULT_REPLICAS: Final = 1
DEFAULT_CPU: Final = 70
MOST: Final = 10_000
PERCENT: Final = r"^(100|[0-9]{1,2})%$"
_UNAVAILABLE: Final = "must be a number of pods or a share of them such as 25%"


def _count_or_share(value: Any) -> int | str:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST:
        return value
    if isinstance(value, str) and cel.matches(PERCENT, value):
        return value
    raise ValueError(_UNAVAILABLE)


CountOrShare = Annotated[
    int | str,
    PlainValidator(_count_or_share),
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "x-kubernetes-int-or-string": True,
            "maxLength": 4,
            "x-kubernetes-validations": [
                {
                    "rule": f"type(self) == int ? self >= 0 && self <= {MOST}"
                    f" : self.matches({cel.literal(PERCENT)})",
                    "message": _UNAVAILABLE,
                }
            ],
        }
    ),
]
"""Pods, or whole percent of them."""

Replicas = Annotated[int, Field(strict=True, ge=0, le=MOST)]
Bound = Annotated[int, Field(strict=True, ge=1, le=MOST)]


class Metric(base.SpecModel):
    """One measure that the number of pods follows: exactly one of its keys."""

    cpu: Annotated[int, Field(strict=True, ge=1, le=1000)] | None = None
    """Average use of the requested cpu, in percent."""

    raw: fields.FreeObject | None = None
    """An autoscaling/v2 MetricSpec, handed on as it is."""

    @base.rule("set exactly one of cpu and raw in each metric", cel="has(self.cpu) != has(self.raw)")
    def one_key(self) -> bool:
        """A metric is of one kind."""
        return (self.cpu is None) != (self.raw is None)


class DisruptionBudget(base.SpecModel):
    """How many server pods a drain may take away at once."""

    max_unavailable: CountOrShare = 1
    """A number of pods, or a share as `25%`; 0 blocks every drain."""


class Scaling(base.SpecModel):
    """How many pods serve: a fixed number, or bounds between which it follows metrics."""

    replicas: Replicas | None = None
    """A fixed number of pods; `kubectl scale` sets it. Default without minReplicas: 1."""

    min_replicas: Bound | None = None
    """The fewest pods; needs maxReplicas."""

    max_replicas: Bound | None = None
    """The most pods; needs minReplicas."""

    metrics: Annotated[tuple[Metric, ...], Field(max_length=16)] = ()
    """What the number follows, between the bounds. Default: cpu 70."""

    behavior: podspec.Behavior = Field(default_factory=dict)
    """An autoscaling/v2 HorizontalPodAutoscalerBehavior, handed on as it is."""

    disruption_budget: DisruptionBudget = DisruptionBudget()
    """How many server pods a drain may take away at once."""

    @base.rule(
        "set replicas, or minReplicas and maxReplicas, not both",
        cel="!has(self.replicas) || !(has(self.minReplicas) || has(self.maxReplicas))",
    )
    def fixed_or_bounds(self) -> bool:
        """One side decides the number."""
        return self.replicas is None or (self.min_replicas is None and self.max_replicas is None)

    @base.rule(
        "minReplicas and maxReplicas go together", cel="has(self.minReplicas) == has(self.maxReplicas)"
    )
    def both_bounds(self) -> bool:
        """A floor has a ceiling."""
        return (self.min_replicas is None) == (self.max_replicas is None)

    @base.rule(
        "minReplicas must not be more than maxReplicas",
        cel="!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",
    )
    def floor_below_ceiling(self) -> bool:
        """There is a number between the bounds."""
        return (self.min_replicas or 0) <= (self.max_replicas or MOST)

    @base.rule(
        "metrics and behavior need minReplicas and maxReplicas",
        cel="has(self.minReplicas) || has(self.maxReplicas)"
        " || !((has(self.metrics) && size(self.metrics) > 0) || has(self.behavior))",
    )
    def metrics_need_bounds(self) -> bool:
        """No metric is ignored."""
        bounded = self.min_replicas is not None or self.max_replicas is not None
        return bounded or not (self.metrics or "behavior" in self.model_fields_set)

    @property
    def autoscaled(self) -> bool:
        """Whether a HorizontalPodAutoscaler decides the number."""
        return self.max_replicas is not None

    @property
    def floor(self) -> int:
        """The number of pods to begin with: the fixed number, or the lower bound."""
        if self.min_replicas is not None:
            return self.min_replicas
        return DEFAULT_REPLICAS if self.replicas is None else self.replicas

    @property
    def followed(self) -> tuple[Metric, ...]:
        """The metrics that count when autoscaled: those written, or the default one."""
        return self.metrics or (Metric(cpu=DEFAULT_CPU),)
