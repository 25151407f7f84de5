"""`spec.scaling`: the number of server pods."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field, PlainValidator, WithJsonSchema

from seatrial.api import base, cel, fields, podspec

DEFAULT_REPLICAS: Final = 1
DEFAULT_CPU: Final = 70
MAX_REPLICAS: Final = 10_000
PERCENT: Final = r"^(100|[0-9]{1,2})%$"
_UNAVAILABLE: Final = "expected a number of pods or a percentage such as 25%"


def _count_or_share(value: Any) -> int | str:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_REPLICAS:
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
                    "rule": f"type(self) == int ? self >= 0 && self <= {MAX_REPLICAS}"
                    f" : self.matches({cel.literal(PERCENT)})",
                    "message": _UNAVAILABLE,
                }
            ],
        }
    ),
]
"""A number of pods, or whole percent of them."""

Replicas = Annotated[
    int, Field(strict=True, ge=0, le=MAX_REPLICAS, json_schema_extra=fields.stored_default(DEFAULT_REPLICAS))
]
"""Stored although nobody wrote it: the scale subresource answers only where the field that it shows exists."""
Bound = Annotated[int, Field(strict=True, ge=1, le=MAX_REPLICAS)]


class Metric(base.SpecModel):
    """A metric that the number of pods follows. Set exactly one of the fields."""

    cpu: Annotated[int, Field(strict=True, ge=1, le=1000)] | None = None
    """The target for average CPU utilization, in percent of the requested CPU."""

    raw: fields.FreeObject | None = None
    """An autoscaling/v2 MetricSpec, passed on unchanged."""

    @base.rule("set exactly one of cpu and raw in each metric", cel="has(self.cpu) != has(self.raw)")
    def has_one_kind(self) -> bool:
        """Return whether the metric has one kind."""
        return (self.cpu is None) != (self.raw is None)


class DisruptionBudget(base.SpecModel):
    """How many server pods a drain may evict at once."""

    max_unavailable: CountOrShare = 1
    """A number of pods, or a percentage such as `25%`; 0 blocks every drain."""


class Scaling(base.SpecModel):
    """The number of server pods: fixed, or between bounds by metrics."""

    replicas: Replicas = DEFAULT_REPLICAS
    """A fixed number of pods. `kubectl scale` and an autoscaler that targets this object set it. With minReplicas and
    maxReplicas it has no effect, and only the default is accepted."""

    min_replicas: Bound | None = None
    """The minimum number of pods; requires maxReplicas."""

    max_replicas: Bound | None = None
    """The maximum number of pods; requires minReplicas."""

    metrics: Annotated[tuple[Metric, ...], Field(max_length=16)] = ()
    """The metrics that the number of pods follows between the bounds. Default: cpu 70."""

    behavior: podspec.Behavior = Field(default_factory=dict)
    """An autoscaling/v2 HorizontalPodAutoscalerBehavior, passed on unchanged."""

    disruption_budget: DisruptionBudget = DisruptionBudget()
    """How many server pods a drain may evict at once."""

    @base.rule(
        "set either replicas, or minReplicas and maxReplicas",
        cel=f"!has(self.replicas) || self.replicas == {DEFAULT_REPLICAS}"
        " || !(has(self.minReplicas) || has(self.maxReplicas))",
    )
    def is_fixed_or_bounded(self) -> bool:
        """Return whether the number is either fixed or between bounds; the stored default fixes nothing."""
        bounded = self.min_replicas is not None or self.max_replicas is not None
        return self.replicas == DEFAULT_REPLICAS or not bounded

    @base.rule(
        "set minReplicas and maxReplicas together", cel="has(self.minReplicas) == has(self.maxReplicas)"
    )
    def has_both_bounds_or_none(self) -> bool:
        """Return whether both bounds are set, or none."""
        return (self.min_replicas is None) == (self.max_replicas is None)

    @base.rule(
        "minReplicas must not be greater than maxReplicas",
        cel="!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",
    )
    def has_ordered_bounds(self) -> bool:
        """Return whether the bounds are in order."""
        return (self.min_replicas or 0) <= (self.max_replicas or MAX_REPLICAS)

    @base.rule(
        "metrics and behavior require minReplicas and maxReplicas",
        cel="has(self.minReplicas) || has(self.maxReplicas)"
        " || !((has(self.metrics) && size(self.metrics) > 0) || has(self.behavior))",
    )
    def has_bounds_for_metrics(self) -> bool:
        """Return whether no metric would be ignored."""
        bounded = self.min_replicas is not None or self.max_replicas is not None
        return bounded or not (self.metrics or "behavior" in self.model_fields_set)

    @property
    def autoscaled(self) -> bool:
        """Whether a HorizontalPodAutoscaler decides the number."""
        return self.max_replicas is not None

    @property
    def floor(self) -> int:
        """The initial number of pods: the fixed number, or the lower bound."""
        return self.replicas if self.min_replicas is None else self.min_replicas

    @property
    def effective_metrics(self) -> tuple[Metric, ...]:
        """The metrics of the autoscaler: those that are set, or the default."""
        return self.metrics or (Metric(cpu=DEFAULT_CPU),)
