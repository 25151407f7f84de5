"""`seatrial decide`: prints a RolloutDecision for `kubectl create -f -`, or creates it.

Fields that the command line does not give are read from the cluster: what the decision is about from `.status`, who
decides from the API server.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
from collections.abc import Callable
from datetime import datetime

from seatrial.api import kinds, names, rollout_decision
from seatrial.api import status as api
from seatrial.api.objects import Body
from seatrial.cli import decision_spec, kubeconfig, yaml_output
from seatrial.cli.cluster import ClusterClient, Connect
from seatrial.cli.decision_target import DecisionTarget, decision_target, rollback_destination
from seatrial.cli.errors import CommandError

Action = rollout_decision.Action
EPILOG = """\
Options that are not given are read from the cluster of the kubeconfig: revision, attempt and step from the status of
the ModelDeployment, --by from the API server. If all of them are given, no cluster is contacted.

  seatrial decide abort churn -n shop --reason "p99"            prints the decision
  seatrial decide abort churn -n shop --reason "p99" --apply    creates it
  seatrial decide rollback churn -n shop --to previous --apply
  seatrial decide rollback churn -n shop --to sha256:8d3f07 --apply
  kubectl get rdec -n shop -o wide                              shows the operator's answer
"""


def add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    connect: Connect,
    clock: Callable[[], datetime],
) -> None:
    """Add the command and its options."""
    parser = commands.add_parser(
        "decide",
        help="print or create a RolloutDecision",
        description="Print a RolloutDecision for kubectl create -f -, or create it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "action",
        choices=[str(action).lower() for action in Action],
        help="what to do with the rollout; README.md explains the actions",
    )
    parser.add_argument("name", help="name of the ModelDeployment")
    parser.add_argument(
        "-n",
        "--namespace",
        default="",
        help="namespace of the ModelDeployment (default: that of the context)",
    )
    parser.add_argument(
        "--reason", default="", help="the reason for the decision, recorded in status.history"
    )
    parser.add_argument(
        "--to",
        "--to-revision",
        metavar="TARGET",
        help="for rollback: a revision, the first six or more digits of a digest of its model or image, or previous",
    )
    parser.add_argument("--apply", action="store_true", help="create the decision instead of printing it")
    parser.add_argument("--context", default="", help="context of the kubeconfig (default: the current one)")
    parser.add_argument(
        "--revision", default="", help="the revision that the decision is about (default: from the status)"
    )
    parser.add_argument(
        "--attempt", type=int, help="for promote, abort and retry: the attempt (default: from the status)"
    )
    parser.add_argument("--step", type=int, help="for skip: the step (default: from the status)")
    parser.add_argument("--by", help="who decides (default: your user name in the cluster)")
    parser.set_defaults(run=functools.partial(run, connect=connect, clock=clock))


def run(options: argparse.Namespace, *, connect: Connect, clock: Callable[[], datetime]) -> str:
    """Return the manifest, or a line about the object that was created."""
    spec = decision_spec.spec_from_options(options)
    if decision_spec.is_complete(spec) and not options.apply:
        body = decision_spec.manifest(spec, namespace=options.namespace, now=clock())
        return yaml_output.to_yaml(body)
    return asyncio.run(_run_with_cluster(options, spec, connect, now=clock()))


async def _run_with_cluster(
    options: argparse.Namespace, spec: Body, connect: Connect, *, now: datetime
) -> str:
    """Complete the spec from the cluster, and create the decision if the options say so."""
    namespace = options.namespace or kubeconfig.namespace_of(options.context)
    async with connect(options.context) as transport:
        client = ClusterClient(transport)
        if not decision_spec.names_target(spec):
            spec = await _with_target(client, spec, namespace)
        if "decidedBy" not in spec:
            spec = {**spec, "decidedBy": await client.user()}
        body = decision_spec.manifest(spec, namespace=namespace, now=now)
        if not options.apply:
            return yaml_output.to_yaml(body)
        created = await client.create(kinds.ROLLOUT_DECISION, namespace, body)
    return _creation_message(created, options.context)


async def _with_target(client: ClusterClient, spec: Body, namespace: str) -> Body:
    """Return the spec with revision, attempt and step from the ModelDeployment's status."""
    name, action = spec["deployment"], Action(spec["action"])
    body = await client.deployment(namespace, name)
    status = api.parse_status(body.get("status"))
    paused = (body.get("spec") or {}).get("paused") is True
    try:
        target = decision_target(action, status, paused=paused)
        destination = _destination(spec, status)
        _check_revision(spec, target)
    except CommandError as error:
        raise CommandError(f"{names.KIND} {namespace}/{name}: {error}") from None
    fields = {"revision": target.revision, "attempt": target.attempt, "step": target.step}
    return {**{field: value for field, value in fields.items() if value is not None}, **spec, **destination}


def _check_revision(spec: Body, target: DecisionTarget) -> None:
    """Raise CommandError if attempt or step would come from the status of another revision than the given one."""
    revision = spec.get("revision", target.revision)
    field = decision_spec.bound_field(spec["action"])
    if revision != target.revision and field:
        raise CommandError(
            f"the status is about revision {target.revision}; for {revision}, give --{field} as well"
        )


def _destination(spec: Body, status: api.Status) -> Body:
    """Return the field with the revision that a Rollback returns to; none for other actions."""
    if spec["action"] != Action.ROLLBACK:
        return {}
    return {"toRevision": rollback_destination(spec.get("toRevision", ""), status)}


def _creation_message(body: Body, context: str) -> str:
    metadata, spec = body["metadata"], body["spec"]
    fields = "".join(f", {field} {spec[field]}" for field in ("attempt", "step") if field in spec)
    destination = f" to {spec['toRevision']}" if "toRevision" in spec else ""
    option = f" --context {context}" if context else ""
    return (
        f"created {names.DECISION_KIND} {metadata['namespace']}/{metadata['name']}: {spec['action']} of "
        f"{spec['revision']}{destination}{fields}, by {spec['decidedBy']}\n"
        f"see the operator's answer with: kubectl get rdec {metadata['name']} -n {metadata['namespace']}{option}\n"
    )
