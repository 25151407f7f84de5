"""`seatrial plan`: what would happen, offline."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from seatrial.api import durations, names, spec
from seatrial.cli import inputs, looking, timeline, written
from seatrial.cli.inputs import Given, Unusable
from seatrial.cli.pace import Pace
from seatrial.cli.simulation import Simulation
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
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "plan",
        help="print, offline, what would happen",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-f", "--filename", required=True, help="a file with the ModelDeployment")
    parser.add_argument("--against", default="", metavar="FILE", help="a snapshot of what the cluster has")
    parser.add_argument(
        "--now", default="", metavar="TIME", help="when it is applied, as 2026-11-21T12:00:00Z"
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
    """The text to print."""
    now = _time(given.now)
    snapshot = inputs.read(given.against) if given.against else ()
    wanted = inputs.the_deployment(inputs.read(given.filename), given.filename)
    start = inputs.given(wanted, snapshot, now)
    pace = Pace(ready_after=_span(given.ready_after), build=timedelta(seconds=given.build_seconds))
    parts = Parts(
        router=routers.chosen("replicas", routers.routers()),
        settings=inputs.operator_settings(given.settings),
    )
    simulation = Simulation(name=start.key.name, parts=parts, pace=pace)
    if given.output == "yaml":
        return written.plan_text(simulation.step(start.world, now).plan)
    notes = tuple(_notes(start, parts, settings=given.settings))
    assumed = timeline.Assumptions(pace=pace, notes=notes)
    return timeline.text(f"{names.KIND} {start.key}", simulation.moments(start.world, now), assumed)


def _notes(start: Given, parts: Parts, *, settings: str) -> Iterator[str]:
    wanted = looking.desired(start.world, start.key.name)
    for reference in looking.assumed(start.world, questions.questions(wanted, parts)):
        yield f"Assumed: {reference} is there{_naming(reference, wanted.spec)}."
    if not settings and not wanted.spec.model.image:
        yield (
            f"Assumed: the runtimes {', '.join(inputs.ASSUMED_RUNTIMES)} and a registry; the cluster's own, "
            "given with --settings, may name revisions differently."
        )


def _naming(reference: references.Reference, wanted: spec.Spec) -> str:
    if reference not in references.of_pods(wanted.serving):
        return ""
    return " and empty; with its content, given in the snapshot, the revision has another name"


def _time(text: str) -> datetime:
    if not text:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise Unusable(f"--now: must be a time such as 2026-11-21T12:00:00Z; got {text!r}") from None
    if moment.tzinfo is None:
        raise Unusable(f"--now: needs a time zone, as {text}Z")
    return moment.astimezone(UTC)


def _span(text: str) -> timedelta:
    try:
        return durations.parse_duration(text)
    except ValueError as error:
        raise Unusable(f"--ready-after: {error}; got {text!r}") from None
