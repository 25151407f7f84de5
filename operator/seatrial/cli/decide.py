"""`seatrial decide`: a RolloutDecision, printed for `kubectl create -f -` or created.

What was not said is read from the cluster: what the decision speaks of from `.status`, who decides from the API server.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
from typing import Any

from seatrial.api import kinds, names, rollout_decision, validation
from seatrial.api import status as api
from seatrial.api.objects import Body
from seatrial.cli import cluster, decision_target, kubeconfig, yaml_output
from seatrial.cli.cluster import Cluster, Connect
from seatrial.cli.decision_target import Subject
from seatrial.cli.yaml_input import Unusable

Action = rollout_decision.Action
EPILOG = """\
what is not said is read from the cluster of the kubeconfig: revision, attempt and step from the object's status,
--by from the API server. With all of them said no cluster is asked.

  seatrial decide abort churn -n shop --reason "p99"            prints the decision
  seatrial decide abort churn -n shop --reason "p99" --apply    creates it
  seatrial decide rollback churn -n shop --to 41b07c55ee --apply
  kubectl get rdec -n shop                                      what became of it, and why
"""
_OPTIONS = {"step": "step", "attempt": "attempt", "toRevision": "to"}
"""Fields of the API by the options that fill them."""

_ANY_REVISION, _ANOTHER = "0" * 10, "f" * 10


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser], connect: Connect) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "decide",
        help="print or create a RolloutDecision",
        description="Prints a RolloutDecision for kubectl create -f -, or creates it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=[str(action).lower() for action in Action])
    parser.add_argument("name", help="of the ModelDeployment")
    parser.add_argument("-n", "--namespace", default="", help="of the ModelDeployment (that of the context)")
    parser.add_argument("--reason", default="", help="why, for the history")
    parser.add_argument(
        "--to", "--to-revision", metavar="REVISION", help="with rollback: where to, of the history"
    )
    parser.add_argument("--apply", action="store_true", help="create it in the cluster, rather than print it")
    parser.add_argument("--context", default="", help="of the kubeconfig (the current one)")
    parser.add_argument("--revision", default="", help="the revision it speaks of (from the status)")
    parser.add_argument(
        "--attempt", type=int, help="with promote, abort and retry: the attempt (from the status)"
    )
    parser.add_argument("--step", type=int, help="with skip: the step (from the status)")
    parser.add_argument("--by", help="who decides: your user name in the cluster (asked of the API server)")
    parser.set_defaults(run=functools.partial(run, connect=connect))


def run(given: argparse.Namespace, *, connect: Connect) -> str:
    """The manifest, or what was created; `Unusable` when it would be refused."""
    said = _said(given)
    _checked(_with_any(said))
    if _is_complete(said) and not given.apply:
        return yaml_output.yaml_of(_manifest(said, given.name, given.namespace))
    return asyncio.run(_asked(given, said, connect))


def _said(given: argparse.Namespace) -> Body:
    """The spec as far as it was said."""
    return {
        "deployment": given.name,
        **({"revision": given.revision} if given.revision else {}),
        "action": str(Action(str(given.action).capitalize())),
        **{key: found for key, option in _OPTIONS.items() if (found := getattr(given, option)) is not None},
        **({"decidedBy": given.by} if given.by is not None else {}),
        **({"reason": given.reason} if given.reason else {}),
    }


def _bound_to(action: str) -> str:
    """What a decision is bound to beside its revision, and can be read; empty for nothing."""
    return "step" if action == Action.SKIP else "attempt" if action in rollout_decision.WITH_ATTEMPT else ""


def _is_subject_said(said: Body) -> bool:
    bound = _bound_to(said["action"])
    target = said["action"] != Action.ROLLBACK or "toRevision" in said
    return "revision" in said and (not bound or bound in said) and target


def _is_complete(said: Body) -> bool:
    return _is_subject_said(said) and "decidedBy" in said


def _with_any(said: Body) -> Body:
    """The spec with something in the place of all that is to be read: what was said can be judged without a cluster."""
    bound = _bound_to(said["action"])
    target = {"toRevision": _ANOTHER} if said["action"] == Action.ROLLBACK else {}
    some: Body = {
        "revision": _ANY_REVISION,
        **({bound: 1} if bound else {}),
        **target,
        "decidedBy": "somebody",
    }
    return {**some, **said}


def _checked(spec: Body) -> rollout_decision.DecisionSpec:
    try:
        return validation.validate(rollout_decision.DecisionSpec, spec)
    except validation.InvalidSpec as error:
        raise Unusable(str(error)) from None


def _manifest(spec: Body, name: str, namespace: str) -> Body:
    head = {"generateName": f"{name}-", **({"namespace": namespace} if namespace else {})}
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.DECISION_KIND,
        "metadata": head,
        "spec": _checked(spec).to_dict(),
    }


async def _asked(given: argparse.Namespace, said: Body, connect: Connect) -> str:
    """The text to print, with what the cluster knows; the decision is created where that was asked for."""
    namespace = given.namespace or kubeconfig.namespace_of(given.context)
    async with connect(given.context) as carrier:
        asked = cluster.Cluster(carrier)
        if not _is_subject_said(said):
            said = await _about(asked, said, namespace)
        if "decidedBy" not in said:
            said = {**said, "decidedBy": await asked.user()}
        body = _manifest(said, given.name, namespace)
        if not given.apply:
            return yaml_output.yaml_of(body)
        created = await asked.create(kinds.ROLLOUT_DECISION, namespace, body)
    return _created(created, given.context)


async def _about(asked: Cluster, said: Body, namespace: str) -> Body:
    """The spec with what it speaks of now."""
    name, action = said["deployment"], Action(said["action"])
    body = await asked.deployment(namespace, name)
    told = api.parse_status(body.get("status"))
    try:
        found = decision_target.subject(action, told, paused=(body.get("spec") or {}).get("paused") is True)
        _check_target(said, told)
        return {**_fields(found), **_agreeing(said, found)}
    except Unusable as error:
        raise Unusable(f"{names.KIND} {namespace}/{name}: {error}") from None


def _fields(found: Subject) -> dict[str, Any]:
    fields = {"revision": found.revision, "attempt": found.attempt, "step": found.step}
    return {key: value for key, value in fields.items() if value is not None}


def _agreeing(said: Body, found: Subject) -> Body:
    """What was said, which wins; `Unusable` where attempt or step would be read of another revision than the said."""
    revision = said.get("revision", found.revision)
    if revision != found.revision and _bound_to(said["action"]):
        bound = _bound_to(said["action"])
        raise Unusable(f"the status speaks of {found.revision}; for {revision} say --{bound} as well")
    return said


def _check_target(said: Body, told: api.Status) -> None:
    """A Rollback says where to, and it must be somewhere that the history knows."""
    if said["action"] != Action.ROLLBACK:
        return
    ways, target = decision_target.ways_back(told), said.get("toRevision")
    if target is None:
        choice = (
            f"the history has {', '.join(ways)}, newest first"
            if ways
            else "the history has no other revision"
        )
        raise Unusable(f"--to says where to; {choice}")
    if target not in ways:
        raise Unusable(f"revision {target} is not one to go back to; those are: {', '.join(ways) or 'none'}")


def _created(body: Body, context: str) -> str:
    head, spec = body["metadata"], body["spec"]
    bound = "".join(f", {key} {spec[key]}" for key in ("attempt", "step") if key in spec)
    target = f" to {spec['toRevision']}" if "toRevision" in spec else ""
    where = f" --context {context}" if context else ""
    return (
        f"created {names.DECISION_KIND} {head['namespace']}/{head['name']}: {spec['action']} of {spec['revision']}"
        f"{target}{bound}, by {spec['decidedBy']}\n"
        f"what becomes of it: kubectl get rdec {head['name']} -n {head['namespace']}{where}\n"
    )
