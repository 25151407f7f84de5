"""The objects that `-f` names, validated as `kubectl apply` would have them validated, and which of them get a plan."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import count

from seatrial.api import model_deployment, names, rollout_decision, validation
from seatrial.api.objects import Body
from seatrial.cli import inputs, yaml_input
from seatrial.cli.errors import CommandError

_PARSERS = {names.KIND: model_deployment.parse, names.DECISION_KIND: rollout_decision.parse}
"""Seatrial's kinds, with the function that rejects what the API server would reject."""

NamespacedRef = tuple[str, str, str]
"""Kind, namespace and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplySet:
    """The ModelDeployments that get a plan, and the other objects that are applied with them."""

    deployments: tuple[Body, ...]
    others: tuple[Body, ...] = ()


@dataclass(frozen=True, slots=True)
class _Manifest:
    """One object, and the file it comes from."""

    body: Body
    source: str

    def __str__(self) -> str:
        return f"{self.body['kind']} {self.body['metadata']['name']}"


def read_apply_set(
    paths: Iterable[str], snapshot: tuple[Body, ...], *, namespace: str = "", recursive: bool = False
) -> ApplySet:
    """Read the objects of all files; raise CommandError if one is invalid, or if none of them gets a plan.

    A ModelDeployment of the snapshot gets a plan as well when a RolloutDecision in the files refers to it.
    """
    files = [file for path in paths for file in yaml_input.files_at(path, recursive=recursive)]
    if files.count(yaml_input.STDIN) > 1:
        raise CommandError(f"{yaml_input.STDIN} (standard input) can be given only once")
    manifests = [
        _Manifest(body, yaml_input.display_name(file))
        for file in files
        for body in yaml_input.read_objects(file)
    ]
    if errors := [error for manifest in manifests if (error := _validation_error(manifest))]:
        raise CommandError(*errors)
    unique = _unique([_Manifest(inputs.in_namespace(m.body, namespace), m.source) for m in manifests])
    deployments = [manifest.body for manifest in unique if manifest.body["kind"] == names.KIND]
    others = [manifest for manifest in unique if manifest.body["kind"] != names.KIND]
    deployments += _referenced_deployments(others, deployments, snapshot)
    if not deployments:
        raise CommandError(_nothing_to_plan(manifests, files))
    return ApplySet(deployments=tuple(deployments), others=tuple(manifest.body for manifest in others))


def _nothing_to_plan(manifests: list[_Manifest], files: list[str]) -> str:
    kinds = ", ".join(dict.fromkeys(str(manifest.body["kind"]) for manifest in manifests)) or "nothing"
    sources = [manifest.source for manifest in manifests] or [yaml_input.display_name(file) for file in files]
    return f"{', '.join(dict.fromkeys(sources))}: expected a {names.KIND}, got {kinds}"


def _validation_error(manifest: _Manifest) -> str:
    """Return why the API server would reject this object on its own; empty if it would not."""
    parse = _PARSERS.get(manifest.body["kind"])
    if parse is None:
        return ""
    version = manifest.body.get("apiVersion")
    if version != names.API_VERSION:
        expected = f"expected apiVersion {names.API_VERSION}, got {version or 'none'}"
        return f"{manifest.source}: {manifest}: {expected}"
    try:
        parse({**manifest.body, "status": {}})
    except validation.InvalidSpec as error:
        return f"{manifest.source}: the API server would reject {manifest}: {error}"
    return ""


def _unique(manifests: list[_Manifest]) -> list[_Manifest]:
    """Return the objects; one with generateName gets a name that is free. Raises CommandError for duplicates."""
    by_ref: dict[NamespacedRef, _Manifest] = {}
    for manifest in manifests:
        named = _Manifest(_with_free_name(manifest.body, by_ref), manifest.source)
        ref = _ref_of(named.body)
        if ref in by_ref:
            raise CommandError(
                f"{manifest} is defined twice: in {by_ref[ref].source} and in {manifest.source}"
            )
        by_ref[ref] = named
    return list(by_ref.values())


def _ref_of(body: Body) -> NamespacedRef:
    metadata = body["metadata"]
    return body["kind"], str(metadata.get("namespace", "")), str(metadata["name"])


def _with_free_name(body: Body, used: Collection[NamespacedRef]) -> Body:
    kind, namespace, name = _ref_of(body)
    if (kind, namespace, name) not in used or not body["metadata"].get("generateName"):
        return body
    candidates = (f"{name}-{number}" for number in count(2))
    free = next(candidate for candidate in candidates if (kind, namespace, candidate) not in used)
    return {**body, "metadata": {**body["metadata"], "name": free}}


def _referenced_deployments(
    others: list[_Manifest], deployments: list[Body], snapshot: tuple[Body, ...]
) -> Iterator[Body]:
    """Yield the ModelDeployments of the snapshot that decisions refer to and no file contains."""
    known = list(deployments)
    for manifest in others:
        decision = manifest.body
        if decision["kind"] != names.DECISION_KIND or any(_refers_to(decision, body) for body in known):
            continue
        deployment = next((b for b in snapshot if b["kind"] == names.KIND and _refers_to(decision, b)), None)
        if deployment is None:
            raise CommandError(
                f"{manifest.source}: {manifest} refers to {names.KIND} {decision['spec']['deployment']}, which is in "
                "no file: add a snapshot that contains it with --against; see seatrial plan --help"
            )
        known.append(deployment)
        yield deployment


def _refers_to(decision: Body, deployment: Body) -> bool:
    """Return whether the decision is about this ModelDeployment; one without a namespace is in the deployment's."""
    namespace = deployment["metadata"].get("namespace", inputs.DEFAULT_NAMESPACE)
    target = (decision["metadata"].get("namespace", namespace), decision["spec"]["deployment"])
    return target == (namespace, deployment["metadata"]["name"])
