"""What `-f` names, as `kubectl apply` would take it: each object judged on its own, then what is to be planned."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import count

from seatrial.api import model_deployment, names, rollout_decision, validation
from seatrial.api.objects import Body
from seatrial.cli import inputs, yaml_input
from seatrial.cli.yaml_input import Unusable

_JUDGED = {names.KIND: model_deployment.parse, names.DECISION_KIND: rollout_decision.parse}
"""Our kinds, and what says whether the API server would take one."""


Place = tuple[str, str, str]
"""Kind, namespace and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What is planned, and what is applied along with it."""

    wanted: tuple[Body, ...]
    along: tuple[Body, ...] = ()


@dataclass(frozen=True, slots=True)
class _Document:
    body: Body
    source: str

    def __str__(self) -> str:
        return f"{self.body['kind']} {self.body['metadata']['name']}"


def applied(
    paths: Iterable[str], snapshot: tuple[Body, ...], *, namespace: str = "", recursive: bool = False
) -> Applied:
    """The objects of all files; `Unusable` when one of them would be refused, or when there is nothing to plan."""
    sources = [file for path in paths for file in yaml_input.files(path, recursive=recursive)]
    if sources.count(yaml_input.STDIN) > 1:
        raise Unusable(f"{yaml_input.STDIN} is the standard input, which can be read only once")
    found = [_Document(body, yaml_input.named(file)) for file in sources for body in inputs.read(file)]
    if refusals := [sentence for one in found if (sentence := _refusal(one))]:
        raise Unusable(*refusals)
    placed = _each_once([_Document(inputs.in_namespace(one.body, namespace), one.source) for one in found])
    wanted = [one.body for one in placed if one.body["kind"] == names.KIND]
    along = [one for one in placed if one.body["kind"] != names.KIND]
    decided = tuple(_decided_about(along, wanted, snapshot))
    if not wanted and not decided:
        kinds = ", ".join(dict.fromkeys(str(one.body["kind"]) for one in found)) or "nothing"
        where = ", ".join(dict.fromkeys(one.source for one in found)) or ", ".join(
            map(yaml_input.named, sources)
        )
        raise Unusable(f"{where}: needs a {names.KIND}; it has {kinds}")
    return Applied(wanted=(*wanted, *decided), along=tuple(one.body for one in along))


def _refusal(one: _Document) -> str:
    """Why the API server would refuse this document whatever else is there; empty when it would not."""
    judge = _JUDGED.get(one.body["kind"])
    if judge is None:
        return ""
    version = one.body.get("apiVersion")
    if version != names.API_VERSION:
        return f"{one.source}: {one}: apiVersion must be {names.API_VERSION}; it is {version or 'missing'}"
    try:
        judge({**one.body, "status": {}})
    except validation.InvalidSpec as error:
        return f"{one.source}: the API server would refuse {one}: {error}"
    return ""


def _each_once(found: list[_Document]) -> list[_Document]:
    """The documents by their names; those that the server names have names of their own."""
    by_place: dict[Place, _Document] = {}
    for one in found:
        placed = _Document(_renamed(one.body, by_place), one.source)
        place = _place_of(placed.body)
        if place in by_place:
            raise Unusable(f"{one} is there twice: in {by_place[place].source} and in {one.source}")
        by_place[place] = placed
    return list(by_place.values())


def _place_of(body: Body) -> Place:
    head = body["metadata"]
    return body["kind"], str(head.get("namespace", "")), str(head["name"])


def _renamed(body: Body, taken: Collection[Place]) -> Body:
    kind, space, name = _place_of(body)
    if (kind, space, name) not in taken or not body["metadata"].get("generateName"):
        return body
    free = next(new for n in count(2) if (kind, space, new := f"{name}-{n}") not in taken)
    return {**body, "metadata": {**body["metadata"], "name": free}}


def _decided_about(along: list[_Document], wanted: list[Body], snapshot: tuple[Body, ...]) -> Iterator[Body]:
    """The objects that decisions speak of and no file has: the snapshot has them, or they are missing."""
    known = list(wanted)
    for one in along:
        if one.body["kind"] != names.DECISION_KIND or any(_is_about(one.body, body) for body in known):
            continue
        found = next((b for b in snapshot if b["kind"] == names.KIND and _is_about(one.body, b)), None)
        if found is None:
            about = f"{names.KIND} {one.body['spec']['deployment']}"
            raise Unusable(
                f"{one.source}: {one} speaks of {about}, which is in no file: add a "
                "snapshot that has it with --against; seatrial plan --help says how one is made"
            )
        known.append(found)
        yield found


def _is_about(decided: Body, body: Body) -> bool:
    """The decision speaks of this object; one that names no namespace goes where the object is."""
    space = body["metadata"].get("namespace", inputs.DEFAULT_NAMESPACE)
    here = (decided["metadata"].get("namespace", space), decided["spec"]["deployment"])
    return here == (space, body["metadata"]["name"])
