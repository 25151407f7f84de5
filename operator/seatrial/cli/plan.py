"""`seatrial plan`: what the operator would do with a ModelDeployment, offline."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from datetime import datetime

from seatrial.api import names, settings
from seatrial.api.validation import InvalidSpec
from seatrial.cli import inputs, plan_options, timeline, yaml_input, yaml_output
from seatrial.cli.apply_set import read_apply_set
from seatrial.cli.assume_stable import with_assumed_stable
from seatrial.cli.assumptions import assumption_notes, registry_warning
from seatrial.cli.errors import CommandError
from seatrial.cli.infer_registry import Evidence, InferredSettings, infer_settings
from seatrial.cli.starting_point import StartingPoint, starting_point
from seatrial.core.traffic import Router
from seatrial.observation.observed import Platform
from seatrial.routers import base as routers
from seatrial.simulation import observer
from seatrial.simulation.controllers import Timings
from seatrial.simulation.run import NeverSettles, Simulation
from seatrial.simulation.timeline import timeline_of


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCase:
    """One ModelDeployment about to be applied, and what its plan depends on."""

    start: StartingPoint
    platform: Platform

    evidence: Evidence
    """How well the registry is known."""

    def simulation(self, timings: Timings) -> Simulation:
        """Return the simulation of this ModelDeployment."""
        return Simulation(name=self.start.key.name, platform=self.platform, timings=timings)


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "plan",
        help="print what would happen, offline",
        description="Print what the operator would do with a ModelDeployment, step by step, without a cluster.",
        epilog=plan_options.EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    plan_options.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> str:
    """Return the plans of all ModelDeployments, as timelines or as YAML documents."""
    now, timings = plan_options.start_time(options), plan_options.timings(options)
    cases = _cases(options, now)
    if options.output == "yaml":
        return "---\n".join(_first_pass(case, timings, now) for case in cases)
    return "\n".join(_timeline(case, timings, now, options) for case in cases)


def _cases(options: argparse.Namespace, now: datetime) -> list[PlanCase]:
    snapshot = yaml_input.read_objects(options.against) if options.against else ()
    apply_set = read_apply_set(
        options.filename, snapshot, namespace=options.namespace, recursive=options.recursive
    )
    operator_settings = inputs.read_settings(options.settings)
    cases = []
    for body in apply_set.deployments:
        start = starting_point(body, snapshot, now, others=apply_set.others)
        case = _case(start, operator_settings, given=bool(options.settings))
        if options.assume_stable:
            start = with_assumed_stable(body, case.platform, now, others=apply_set.others)
            case = replace(case, start=start)
        cases.append(case)
    return cases


def _case(start: StartingPoint, operator_settings: settings.Settings, *, given: bool) -> PlanCase:
    """Return the case; settings that the user has not given are inferred from the snapshot."""
    inferred = (
        InferredSettings(settings=operator_settings, evidence=Evidence.NOT_NEEDED)
        if given
        else infer_settings(start, operator_settings)
    )
    known = routers.routers()
    platform = Platform(
        router=_router(start, known), router_kinds=routers.kind_names(known), settings=inferred.settings
    )
    return PlanCase(start=start, platform=platform, evidence=inferred.evidence)


def _router(start: StartingPoint, known: routers.Plugins) -> Router:
    traffic = observer.deployment_in(start.cluster, start.key.name).spec.traffic
    try:
        return routers.configured(traffic, known)
    except InvalidSpec as error:
        raise CommandError(str(error)) from None


def _first_pass(case: PlanCase, timings: Timings, now: datetime) -> str:
    plan = case.simulation(timings).step(case.start.cluster, now).plan
    comments = "".join(f"# {line}\n" for line in _registry_warning(case))
    return comments + yaml_output.plan_to_yaml(plan)


def _timeline(case: PlanCase, timings: Timings, now: datetime, options: argparse.Namespace) -> str:
    start = case.start
    try:
        entries = timeline_of(case.simulation(timings).passes(start.cluster, now))
    except NeverSettles as error:
        raise CommandError(f"{error}: this is a bug in seatrial; please report it with these files") from None
    notes = assumption_notes(
        start,
        case.platform,
        case.evidence,
        settings_given=bool(options.settings),
        stable_assumed=options.assume_stable,
    )
    assumptions = timeline.Assumptions(timings=timings, notes=tuple(notes), foreign=start.foreign)
    warning = "".join(f"{line}\n" for line in _registry_warning(case))
    text = timeline.render(f"{names.KIND} {start.key}", entries, assumptions)
    return f"{warning}\n{text}" if warning else text


def _registry_warning(case: PlanCase) -> tuple[str, ...]:
    """Return the lines to print before a plan whose revision names may be wrong."""
    return registry_warning(case.start.key) if case.evidence is Evidence.GUESSED else ()
