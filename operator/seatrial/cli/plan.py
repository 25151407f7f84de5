"""`seatrial plan`: what would happen, offline."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, assert_never

from seatrial.api import durations, names, rollout, settings, spec
from seatrial.api.validation import InvalidSpec
from seatrial.cli import apply_set, assume_stable, infer_registry, inputs, timeline, yaml_output
from seatrial.cli.infer_registry import Proof, Shown
from seatrial.cli.inputs import Given
from seatrial.cli.yaml_input import Unusable
from seatrial.core import references
from seatrial.core.traffic import Router
from seatrial.observation.observed import Platform, questions
from seatrial.routers import base as routers
from seatrial.simulation import observer
from seatrial.simulation.cluster import Pace
from seatrial.simulation.run import Restless, Simulation

KINDS = "deploy,svc,hpa,pdb,job,po,cm,controllerrevision"
SETTINGS_COMMAND: Final = (
    "kubectl -n seatrial-system get configmap seatrial-settings "
    r"-o jsonpath='{.data.settings\.yaml}' > settings.yaml"
)
EPILOG = f"""\
a snapshot is made with:
  (kubectl get mdep churn -o yaml; echo ---
   kubectl get {KINDS} -l {names.LABEL_DEPLOYMENT}=churn -o yaml) > snapshot.yaml
and, where the spec refers to ConfigMaps or Secrets, or decisions wait:
  (echo ---; kubectl get cm churn-settings -o yaml; echo ---; kubectl get rdec -o yaml) >> snapshot.yaml

revisions are named by where images are built, which the operator's settings (--settings) say:
  {SETTINGS_COMMAND}

what a decision would do:
  seatrial decide abort churn | seatrial plan -f - --against snapshot.yaml

the steps of an update, before there is anything to update:
  seatrial plan -f churn.yaml --assume-stable
"""
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
"""So that no rollout, however long its holds, leaves the calendar."""

LONGEST_BUILD = 1_000_000
"""Seconds; more than eleven days."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "plan",
        help="print, offline, what would happen",
        description="Prints what the operator would do with a ModelDeployment, step by step. No cluster is asked.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_files(parser)
    parser.add_argument(
        "--now", default="", metavar="TIME", help="when it is applied, as 2026-11-21T12:00:00Z (now)"
    )
    parser.add_argument("--ready-after", default="15s", metavar="SPAN", help="until a pod is ready (15s)")
    parser.add_argument("--build-seconds", type=int, default=60, metavar="N", help="of a build (60)")
    parser.add_argument(
        "-o",
        "--output",
        choices=("timeline", "yaml"),
        default="timeline",
        help="yaml: the first pass alone, with every object it makes",
    )
    parser.set_defaults(run=run)


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-f",
        "--filename",
        required=True,
        action="append",
        metavar="FILE",
        help="a file, or a folder of files, with ModelDeployments, and the ConfigMaps, Secrets and decisions that "
        "are made with them; - is the standard input; may be given more than once",
    )
    parser.add_argument(
        "-R", "--recursive", action="store_true", help="-f reads folders with all that is in them"
    )
    parser.add_argument("-n", "--namespace", default="", help="of objects that name none (default)")
    before = parser.add_mutually_exclusive_group()
    before.add_argument("--against", default="", metavar="FILE", help="a snapshot of what the cluster has")
    before.add_argument(
        "--assume-stable",
        action="store_true",
        help="without a snapshot: as if an earlier model were served already, to see the steps of an update",
    )
    parser.add_argument("--settings", default="", metavar="FILE", help="the operator's settings")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One ModelDeployment, about to be applied, and what its plan is made with."""

    start: Given
    parts: Platform
    proof: Proof
    """How well the operator's settings are known; given ones are taken as they are."""


def run(given: argparse.Namespace) -> str:
    """The text to print: one plan for each ModelDeployment."""
    now = _time(given.now)
    pace = Pace(ready_after=_span(given.ready_after), build=_seconds(given.build_seconds))
    snapshot = inputs.read(given.against) if given.against else ()
    found = apply_set.applied(given.filename, snapshot, namespace=given.namespace, recursive=given.recursive)
    operator = inputs.operator_settings(given.settings)
    cases = []
    for body in found.wanted:
        case = _case(
            inputs.given(body, snapshot, now, along=found.along), operator, assumed=not given.settings
        )
        if given.assume_stable:
            case = replace(case, start=assume_stable.stable(body, case.parts, now, along=found.along))
        cases.append(case)
    if given.output == "yaml":
        return "---\n".join(_first_pass(case, pace, now) for case in cases)
    return "\n".join(_timeline(case, pace, now, notes=_notes(case, given)) for case in cases)


def _case(start: Given, operator: settings.Settings, *, assumed: bool) -> Case:
    known = Shown(settings=operator, proof=Proof.NOT_NEEDED)
    known = infer_registry.shown_by(start, operator) if assumed else known
    return Case(
        start=start, parts=Platform(router=_router(start), settings=known.settings), proof=known.proof
    )


def _router(start: Given) -> Router:
    wanted = observer.desired(start.world, start.key.name).spec.traffic
    try:
        return routers.configured(wanted, routers.routers())
    except InvalidSpec as invalid:
        raise Unusable(str(invalid)) from None


def _first_pass(case: Case, pace: Pace, now: datetime) -> str:
    simulation = Simulation(name=case.start.key.name, parts=case.parts, pace=pace)
    text = yaml_output.plan_text(simulation.step(case.start.world, now).plan)
    return "".join(f"# {line}\n" for line in _said_first(case)) + text


def _timeline(case: Case, pace: Pace, now: datetime, *, notes: Iterable[str]) -> str:
    start = case.start
    simulation = Simulation(name=start.key.name, parts=case.parts, pace=pace)
    try:
        moments = simulation.moments(start.world, now)
    except Restless as restless:
        raise Unusable(
            f"{restless}: this is a mistake of seatrial's; please report it with these files"
        ) from None
    assumed = timeline.Assumptions(pace=pace, notes=tuple(notes), foreign=start.foreign)
    first = "".join(f"{line}\n" for line in _said_first(case))
    text = timeline.text(f"{names.KIND} {start.key}", moments, assumed)
    return f"{first}\n{text}" if first else text


def _said_first(case: Case) -> Iterator[str]:
    """What makes the names of a plan wrong, before any of them is read."""
    if case.proof is Proof.MISSING:
        yield (
            f"Warning: the snapshot does not prove which registry {case.start.key} was built for: revisions may have "
            "other names here than in the cluster, and a build and a rollout may be planned that would not be made "
            "there; give the operator's settings with --settings settings.yaml, made with:"
        )
        yield f"  {SETTINGS_COMMAND}"


def _notes(case: Case, given: argparse.Namespace) -> Iterator[str]:
    wanted = observer.desired(case.start.world, case.start.key.name)
    for reference in observer.unknown(case.start.world, questions(wanted, case.parts).references):
        yield f"Assumed: {reference} is {_naming(reference, wanted.spec)}."
    if not given.settings and not wanted.spec.model.image:
        yield f"Assumed: the runtimes {', '.join(inputs.ASSUMED_RUNTIMES)}{_registry(case)}"
    if given.assume_stable and wanted.status.stable is not None:
        served = wanted.status.stable.revision
        yield f"Assumed: {served}, of another model and otherwise the same, is stable and has its pods."
    elif case.start.before is None and _has_steps(wanted.spec.rollout):
        yield "A first deployment takes no steps; --assume-stable shows those of an update."


def _has_steps(wanted: rollout.Rollout) -> bool:
    return bool(wanted.steps) and wanted.strategy is rollout.Strategy.CANARY


def _registry(case: Case) -> str:
    """What is assumed of the registry, and what that does to the names of revisions."""
    own = "the cluster's own are given with --settings."
    match case.proof:
        case Proof.NOT_NEEDED:
            return f"; {own}"
        case Proof.GIVEN:
            return f", and the registry {case.parts.settings.registry.repository} of the snapshot; {own}"
        case Proof.MISSING:
            return f", and, as a guess, the registry {case.parts.settings.registry.repository}; {own}"
        case Proof.NOTHING_BUILT:
            return (
                " and a registry; with the cluster's own, given with --settings, revisions have other names."
            )
        case _:
            assert_never(case.proof)


def _naming(reference: references.Reference, wanted: spec.Spec) -> str:
    """What is assumed of an object that was not shown, and whether the revision's name depends on it."""
    if reference not in references.pod_references(wanted.serving):
        return "there"
    state = "not there, as it is optional" if reference.optional else "there and empty"
    return f"{state}; with its content, given in the snapshot, the revision has another name"


def _time(text: str) -> datetime:
    if not text:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise Unusable(f"--now: must be a time such as 2026-11-21T12:00:00Z; got {text!r}") from None
    if moment.tzinfo is None:
        raise Unusable(f"--now: needs a time zone, as {text}Z")
    if not EARLIEST <= moment < LATEST:
        raise Unusable(f"--now: must be between {EARLIEST.year} and {LATEST.year}; got {text!r}")
    return moment.astimezone(UTC).replace(microsecond=0)


def _span(text: str) -> timedelta:
    try:
        return durations.parse_duration(text)
    except ValueError as error:
        raise Unusable(f"--ready-after: {error}; got {text!r}") from None


def _seconds(count: int) -> timedelta:
    if not 0 <= count <= LONGEST_BUILD:
        raise Unusable(f"--build-seconds: must be between 0 and {LONGEST_BUILD}; got {count}")
    return timedelta(seconds=count)
