"""The target: what the spec asks for, with the operator's settings resolved into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from seatrial.api.build import Registry, Resources
from seatrial.api.model import Model
from seatrial.api.owner import Owner
from seatrial.api.scaling import Scaling
from seatrial.api.serving import Serving
from seatrial.core.evidence.checks import Check
from seatrial.core.state import ModelRevision, Rollout
from seatrial.core.traffic import Router


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a rollout: the canary's share of traffic in whole percent, and how long it is held."""

    weight: int
    hold: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What the pods of a revision run; `build_id` is empty for an image that the user named."""

    reference: str
    build_id: str = ""
    model_digest: str = ""
    format: str = ""

    def of_revision(self, revision: str, *, since: datetime | None) -> ModelRevision:
        """Return the revision that runs this image."""
        return ModelRevision(
            revision=revision,
            image=self.reference,
            model_digest=self.model_digest,
            format=self.format,
            build_id=self.build_id,
            since=since,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildTarget:
    """The image that is to be built, and how; `runtimes` maps the catalogue's names to images."""

    build_id: str
    runtime: str
    runtimes: Mapping[str, str]
    inputs: str = ""
    """Changes with every referenced Secret and ConfigMap: a failed build is then retried at once."""
    model: Model = field(default_factory=Model.model_construct)
    registry: Registry = field(default_factory=Registry)
    resources: Resources = field(default_factory=Resources)
    timeout: timedelta = timedelta(minutes=30)
    plain_http: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """How the pods of the target revision are rendered and scaled."""

    serving: Serving = field(default_factory=Serving)
    scaling: Scaling = field(default_factory=Scaling)
    pull_secret_name: str = ""
    image_is_given: bool = False
    """The user named the image: nothing is known about how it drains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The revision that the spec asks for, what it is made of, and the rules of its rollout."""

    owner: Owner
    generation: int = 0
    revision: str = ""
    """Empty while no revision can be named."""
    fingerprint: str = ""
    build_id: str = ""
    image: str = ""
    """Named by the user; empty when it is to be built."""
    build: BuildTarget | None = None
    """None when the image is named by the user, or the spec is invalid."""
    workload: Workload = Workload()
    router: Router
    steps: tuple[Step, ...] = ()
    checks: tuple[Check, ...] = ()
    false_alarm_rate: float = 0.05
    """Of the whole rollout; divided over steps and checks."""
    recreate: bool = False
    max_restarts: int = 0
    progress_deadline: timedelta = timedelta(minutes=10)
    scale_down_delay: timedelta = timedelta(seconds=30)
    history_limit: int = 5
    paused: bool = False
    invalid: str = ""
    """Why the spec cannot be carried out; a person has to correct it first."""

    @property
    def scaling(self) -> Scaling:
        """Return how many replicas are asked for."""
        return self.workload.scaling

    @property
    def hold_reason(self) -> str:
        """Return why the spec holds a rollout and what lets it continue; empty where it does not."""
        if self.invalid:
            return "the spec is invalid; correct it"
        return "spec.paused is true; set it to false" if self.paused else ""


def first_step_at(steps: tuple[Step, ...], weight: int) -> int | None:
    """Return the 1-based number of the first step with at least `weight`; None when all are below."""
    return next((n for n, step in enumerate(steps, 1) if step.weight >= weight), None)


def step_of(target: Target, rollout: Rollout) -> Step:
    """Return the step that a rollout is at."""
    return target.steps[rollout.step - 1]
