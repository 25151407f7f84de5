"""`seatrial decide`: the manifest of a RolloutDecision, for `kubectl create -f -`."""

from __future__ import annotations

import argparse
from typing import Any

from seatrial.api import decision, names, refusal
from seatrial.cli import written
from seatrial.cli.inputs import Unusable

_OPTIONS = {"step": "step", "attempt": "attempt", "toRevision": "to_revision"}
"""Fields of the API by the options that fill them."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command and its options."""
    parser = commands.add_parser("decide", help="print a RolloutDecision for: kubectl create -f -")
    choices = [str(action).lower() for action in decision.Action]
    parser.add_argument("action", choices=choices)
    parser.add_argument("name", help="of the ModelDeployment")
    parser.add_argument("-n", "--namespace", default="", help="default: that of kubectl")
    parser.add_argument("--revision", required=True, help="the revision it speaks of, from the status")
    parser.add_argument("--by", required=True, help="who decides: your user name in the cluster")
    parser.add_argument("--step", type=int, help="with skip: the step it speaks of")
    parser.add_argument("--attempt", type=int, help="with promote, abort and retry: the attempt it speaks of")
    parser.add_argument("--to-revision", help="with rollback: the revision of the history to go back to")
    parser.add_argument("--reason", default="", help="why, for the history")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> str:
    """The manifest; `Unusable` with the API's own sentence when it would be refused."""
    spec: dict[str, Any] = {
        "deployment": given.name,
        "revision": given.revision,
        "action": str(given.action).capitalize(),
        **{key: found for key, option in _OPTIONS.items() if (found := getattr(given, option)) is not None},
        "decidedBy": given.by,
        **({"reason": given.reason} if given.reason else {}),
    }
    try:
        checked = refusal.validated(decision.DecisionSpec, spec)
    except refusal.InvalidSpec as error:
        raise Unusable(str(error)) from None
    head = {"generateName": f"{given.name}-", **({"namespace": given.namespace} if given.namespace else {})}
    return written.yaml_of(
        {
            "apiVersion": names.API_VERSION,
            "kind": names.DECISION_KIND,
            "metadata": head,
            "spec": checked.to_dict(),
        }
    )
