"""Resolves the URL paths of an API server to resources and objects."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.api.objects import ObjectKey
from seatrial.kube import failures
from tests.apiserver.served_resources import Resource, ServedResources


@dataclass(frozen=True, slots=True)
class Route:
    """A collection, one object of it, or a subresource of that object."""

    resource: Resource
    namespace: str
    name: str
    subresource: str

    @property
    def key(self) -> ObjectKey:
        """Return the object's key."""
        return ObjectKey(self.namespace, self.name)


def resolve(resources: ServedResources, path: str) -> Route:
    """Return the route of `path`; raise `NotFound` when nothing is served there."""
    group, version, rest = _split(path)
    namespace = ""
    if len(rest) >= 3 and rest[0] == "namespaces" and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    resource = resources.find(group, version, rest[0]) if rest else None
    if resource is None or not _fits(resource, namespace, rest):
        raise failures.NotFound(404, "NotFound", "the server could not find the requested resource")
    return Route(resource, namespace, _nth(rest, 1), "/".join(rest[2:]))


def _split(path: str) -> tuple[str, str, list[str]]:
    """Return group, version and the remaining parts."""
    parts = path.strip("/").split("/")
    if parts[0] == "api":
        return "", _nth(parts, 1), parts[2:]
    return _nth(parts, 1), _nth(parts, 2), parts[3:]


def _nth(parts: list[str], index: int) -> str:
    return parts[index] if len(parts) > index else ""


def _fits(resource: Resource, namespace: str, rest: list[str]) -> bool:
    """Namespaced objects need a namespace; only their collection over all namespaces has none."""
    if resource.kind.namespaced:
        return bool(namespace) or len(rest) == 1
    return not namespace
