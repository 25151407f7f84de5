"""The options of `seatrial plan`: their help, and their values parsed."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from typing import Final

from seatrial.api import durations, names
from seatrial.cli.errors import CommandError
from seatrial.simulation.controllers import Timings

SETTINGS_COMMAND: Final = (
    "kubectl -n seatrial-system get configmap seatrial-settings "
    r"-o jsonpath='{.data.settings\.yaml}' > settings.yaml"
)
_KINDS: Final = "deploy,svc,hpa,pdb,job,po,cm,controllerrevision"
EPILOG: Final = f"""\
Make a snapshot with:
  (kubectl get mdep churn -o yaml; echo ---
   kubectl get {_KINDS} -l {names.LABEL_DEPLOYMENT}=churn -o yaml) > snapshot.yaml
If the spec refers to ConfigMaps or Secrets, or if there are open decisions, add them:
  (echo ---; kubectl get cm churn-settings -o yaml; echo ---; kubectl get rdec -o yaml) >> snapshot.yaml

The names of revisions depend on the registry in the operator's settings. Get the settings for --settings with:
  {SETTINGS_COMMAND}

Show the effect of a decision:
  seatrial decide abort churn | seatrial plan -f - --against snapshot.yaml

Show the steps of an update before there is a deployment to update:
  seatrial plan -f churn.yaml --assume-stable
"""
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
"""Bounds of --now, so that even the longest rollout ends before the year 10000, the last that datetime knows."""

LONGEST_BUILD: Final = 1_000_000
"""Seconds; more than eleven days."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `seatrial plan`."""
    _add_file_options(parser)
    parser.add_argument(
        "--now",
        default="",
        metavar="TIME",
        help="when the files are applied, as 2026-11-21T12:00:00Z (default: now)",
    )
    parser.add_argument(
        "--ready-after",
        default="15s",
        metavar="DURATION",
        help="time until a new pod is ready (default: 15s)",
    )
    parser.add_argument(
        "--build-seconds", type=int, default=60, metavar="N", help="duration of a build (default: 60)"
    )
    parser.add_argument(
        "-o",
        "--output",
        choices=("timeline", "yaml"),
        default="timeline",
        help="timeline: the whole rollout; yaml: only the first pass, with every object it creates "
        "(default: timeline)",
    )


def _add_file_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-f",
        "--filename",
        required=True,
        action="append",
        metavar="FILE",
        help="file or directory with ModelDeployments and with the ConfigMaps, Secrets and RolloutDecisions that are "
        "applied with them; - is standard input; can be repeated",
    )
    parser.add_argument(
        "-R", "--recursive", action="store_true", help="read the subdirectories of -f as well"
    )
    parser.add_argument(
        "-n", "--namespace", default="", help="namespace of objects that name none (default: default)"
    )
    before = parser.add_mutually_exclusive_group()
    before.add_argument("--against", default="", metavar="FILE", help="a snapshot of the cluster")
    before.add_argument(
        "--assume-stable",
        action="store_true",
        help="instead of a snapshot, assume that an earlier model is stable, to see the steps of an update",
    )
    parser.add_argument("--settings", default="", metavar="FILE", help="the operator's settings")


def start_time(options: argparse.Namespace) -> datetime:
    """Return the time of --now in UTC, with whole seconds."""
    text: str = options.now
    if not text:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise CommandError(f"--now: expected a time such as 2026-11-21T12:00:00Z, got {text!r}") from None
    if time.tzinfo is None:
        raise CommandError(f"--now: the time needs a time zone, as in {text}Z")
    if not EARLIEST <= time < LATEST:
        raise CommandError(
            f"--now: expected a year between {EARLIEST.year} and {LATEST.year - 1}, got {text!r}"
        )
    return time.astimezone(UTC).replace(microsecond=0)


def timings(options: argparse.Namespace) -> Timings:
    """Return the durations of --ready-after and --build-seconds."""
    seconds: int = options.build_seconds
    if not 0 <= seconds <= LONGEST_BUILD:
        raise CommandError(f"--build-seconds: expected a value between 0 and {LONGEST_BUILD}, got {seconds}")
    return Timings(ready_after=_duration(options.ready_after), build=timedelta(seconds=seconds))


def _duration(text: str) -> timedelta:
    try:
        return durations.parse_duration(text)
    except ValueError as error:
        raise CommandError(f"--ready-after: {error}, got {text!r}") from None
