"""`seatrial plan`: what would happen, offline."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from seatrial.api import durations, names, spec
from seatrial.cli import inputs, looking, timeline, written
from seatrial.cli.inputs import Given, Unusable
from seatrial.cli.pace import Pace
from seatrial.cli.simulation import Restless, Simulation
from seatrial.core import references
from seatrial.planning import questions
from seatrial.planning.observed import Parts
from seatrial.routers import base as routers

KINDS = "deploy,svc,hpa,pdb,job,po,cm,controllerrevision"
EPILOG = f"""\
a snapshot is made with:
  (kubectl get mdep churn -o yaml; echo ---
   kubectl get {KINDS} -l {names.LABEL_DEPLOYMENT}=churn -o yaml) > snapshot.yaml
and, where the spec refers to ConfigMaps or Secrets, or decisions wait:
  (echo ---; kubectl get cm churn-settings -o yaml; echo ---; kubectl get rdec -o yaml) >> snapshot.yaml

what a decision would do:
  seatrial decide abort churn --revision 9f3c2a71d0 --attempt 1 --by jo |
    seatrial plan -f churn.yaml -f - --against snapshot.yaml
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
    parser.add_argument(
        "-f",
        "--filename",
        required=True,
        action="append",
        metavar="FILE",
        help="a file with ModelDeployments, and the ConfigMaps, Secrets and decisions that are made with them; "
        "- is the standard input; may be given more than once",
    )
    parser.add_argument("-n", "--namespace", default="", help="of objects that name none (default)")
    parser.add_argument("--against", default="", metavar="FILE", help="a snapshot of what the cluster has")
    parser.add_argument(
        "--now", default="", metavar="TIME", help="when it is applied, as 2026-11-21T12:00:00Z (now)"
    )
    parser.add_argument("--settings", default="", metavar="FILE", help="the operator's settings")
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


def run(given: argparse.Namespace) -> str:
    """The text to print: one plan for each ModelDeployment."""
    now = _time(given.now)
    pace = Pace(ready_after=_span(given.ready_after), build=_seconds(given.build_seconds))
    snapshot = inputs.read(given.against) if given.against else ()
    applied = tuple(
        inputs.in_namespace(body, given.namespace) for path in given.filename for body in inputs.read(path)
    )
    wanted = inputs.the_deployments(applied, ", ".join(given.filename))
    along = tuple(body for body in applied if body not in wanted)
    parts = Parts(
        router=routers.chosen("replicas", routers.routers()),
        settings=inputs.operator_settings(given.settings),
    )
    starts = [inputs.given(body, snapshot, now, along=along) for body in wanted]
    if given.output == "yaml":
        return "---\n".join(_first_pass(start, parts, pace, now) for start in starts)
    return "\n".join(_timeline(start, parts, pace, now, settings=given.settings) for start in starts)


def _first_pass(start: Given, parts: Parts, pace: Pace, now: datetime) -> str:
    simulation = Simulation(name=start.key.name, parts=parts, pace=pace)
    return written.plan_text(simulation.step(start.world, now).plan)


def _timeline(start: Given, parts: Parts, pace: Pace, now: datetime, *, settings: str) -> str:
    simulation = Simulation(name=start.key.name, parts=parts, pace=pace)
    try:
        moments = simulation.moments(start.world, now)
    except Restless as restless:
        raise Unusable(
            f"{restless}: this is a mistake of seatrial's; please report it with these files"
        ) from None
    assumed = timeline.Assumptions(
        pace=pace, notes=tuple(_notes(start, parts, settings=settings)), foreign=start.foreign
    )
    return timeline.text(f"{names.KIND} {start.key}", moments, assumed)


def _notes(start: Given, parts: Parts, *, settings: str) -> Iterator[str]:
    wanted = looking.desired(start.world, start.key.name)
    for reference in looking.unknown(start.world, questions.questions(wanted, parts)):
        yield f"Assumed: {reference} is {_naming(reference, wanted.spec)}."
    if not settings and not wanted.spec.model.image:
        yield (
            f"Assumed: the runtimes {', '.join(inputs.ASSUMED_RUNTIMES)} and a registry; the cluster's own, "
            "given with --settings, may name revisions differently."
        )


def _naming(reference: references.Reference, wanted: spec.Spec) -> str:
    """What is assumed of an object that was not shown, and whether the revision's name depends on it."""
    if reference not in references.of_pods(wanted.serving):
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
