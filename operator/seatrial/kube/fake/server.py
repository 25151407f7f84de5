"""An API server in this process: the semantics that the operator lives by, and faults on demand.

What it does is held against the real server by one contract suite. Nothing in it runs by itself but garbage
collection and the end of namespaces; `seatrial.kube.fake.controllers` has the cluster's controllers.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from datetime import datetime
from typing import Final

from seatrial.kube import bodies, failures, kinds, transport
from seatrial.kube.bodies import Body, ObjectKey
from seatrial.kube.fake import applying, patching, routes, scaling, writing
from seatrial.kube.fake.faults import Faults, Write
from seatrial.kube.fake.garbage import Collector, wish_of
from seatrial.kube.fake.reading import Reader
from seatrial.kube.fake.registry import Registry, Resource, ScalePaths
from seatrial.kube.fake.routes import Route
from seatrial.kube.fake.store import Store
from seatrial.kube.fake.writing import Author, Writer
from seatrial.kube.kinds import Kind
from seatrial.kube.transport import Request, Response

_VERBS: Final = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
SEATRIAL_RESOURCES: Final = (
    Resource(
        kinds.MODEL_DEPLOYMENT,
        status=True,
        scale=ScalePaths("spec.scaling.replicas", "status.replicas", "status.selector"),
        generation=True,
        needs_version=True,
        custom=True,
    ),
    Resource(kinds.ROLLOUT_DECISION, status=True, generation=True, needs_version=True, custom=True),
    Resource(kinds.ROLLOUT_POLICY, generation=True, needs_version=True, custom=True),
)


class FakeApiServer:
    """A `Transport` with a cluster's memory behind it.

    `clock` gives aware times for what objects say; waiting uses the running loop. `faults` has what can go
    wrong, `writes` every write that clients asked for and that changed something or was meant to.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        namespaces: Iterable[str] = ("default",),
        resources: Iterable[Resource] = SEATRIAL_RESOURCES,
        namespace_seconds: float = 1.0,
    ) -> None:
        self.store = Store()
        self.faults = Faults()
        self.faults.attach(self.store)
        self.registry = Registry()
        self.writes: list[Write] = []
        self.requests: list[Request] = []
        self.log_lines: dict[ObjectKey, list[str]] = {}
        """What pods have logged."""
        self.raw: dict[str, bytes] = {}
        """Answers of other paths, such as a pod's metrics through the proxy."""
        self._writer = Writer(self.store, self.registry, clock)
        self._collector = Collector(self._writer, namespace_seconds=namespace_seconds)
        self._reader = Reader(self.store, self.faults)
        for resource in resources:
            self.registry.add(resource)
        for name in namespaces:
            self.add_namespace(name)

    # what tests and controllers say to it directly: no faults, no log of writes

    def add_namespace(self, name: str) -> None:
        """The namespace exists."""
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        self.insert(kinds.NAMESPACE, body)

    def look(self, kind: Kind, namespace: str, name: str) -> Body | None:
        """The object, or None."""
        return self.store.get(kind, ObjectKey(namespace, name))

    def all(self, kind: Kind, namespace: str = "") -> list[Body]:
        """Every object of a kind."""
        return self.store.all(kind, namespace)

    def insert(self, kind: Kind, body: Body, *, manager: str = "test") -> Body:
        """The object as created."""
        namespace = body["metadata"].get("namespace") or ("default" if kind.namespaced else "")
        return self._writer.create(self.registry.of(kind), namespace, body, author=Author(manager))

    def edit(self, kind: Kind, namespace: str, name: str, *, patch: Body, manager: str = "test") -> Body:
        """The object with the merge patch in it; a patch of `status` goes to the status subresource."""
        resource = self.registry.of(kind)
        present = self._writer.present(resource, ObjectKey(namespace, name))
        subresource = "status" if resource.status and set(patch) == {"status"} else ""
        wanted = patching.merge(present, patch)
        return self._writer.update(resource, present, wanted, author=Author(manager, subresource))

    def remove(self, kind: Kind, namespace: str, name: str, *, options: Body | None = None) -> None:
        """The object is deleted, as by a user."""
        self._collector.delete(self.registry.of(kind), ObjectKey(namespace, name), wish_of(options or {}))

    def finish_pod(self, namespace: str, name: str) -> None:
        """The kubelet says that the pod has ended: it is gone at once."""
        self._writer.finish(kinds.POD, ObjectKey(namespace, name))

    # the transport

    async def request(self, request: Request) -> Response:
        """The answer, with the faults that are due."""
        self.requests.append(request)
        await self._delayed(request)
        if planned := self.faults.next_for(request, after=False):
            return _failed(*planned)
        write = self._write_of(request)
        if write and self.faults.before_write:
            self.faults.before_write(write)
        response = self._carry_out(request)
        if write:
            self.writes.append(write)
            if self.faults.after_write:
                self.faults.after_write(write)
        if planned := self.faults.next_for(request, after=True):
            return _failed(*planned)
        return response

    async def stream(self, request: Request) -> AsyncGenerator[bytes]:
        """The lines of a watch."""
        self.requests.append(request)
        await self._delayed(request)
        if planned := self.faults.next_for(request, after=False):
            raise failures.from_response(_failed(*planned))
        route = routes.find(self.registry, request.path)
        async with aclosing(self._reader.watch(route, request)) as lines:
            async for line in lines:
                yield line

    async def _delayed(self, request: Request) -> None:
        """Every answer costs a turn of the loop, as on a network."""
        await asyncio.sleep(self.faults.latency)
        if self.faults.unreachable:
            raise failures.Unavailable(0, "NetworkError", "connection refused")
        if self.faults.hanging:
            await asyncio.sleep(request.timeout)
            raise failures.Unavailable(0, "Timeout", f"no answer in {request.timeout:g} s")

    def _write_of(self, request: Request) -> Write | None:
        if request.method not in _VERBS:
            return None
        try:
            route = routes.find(self.registry, request.path)
        except failures.NotFound:
            return None
        verb = "apply" if request.content_type == transport.APPLY_PATCH else _VERBS[request.method]
        name = route.name or (json.loads(request.body or b"{}").get("metadata") or {}).get("name", "")
        return Write(verb, route.resource.kind.kind, route.namespace, name, route.subresource)

    def _carry_out(self, request: Request) -> Response:
        if request.path in self.raw:
            return Response(200, {}, self.raw[request.path])
        try:
            return self._answer(routes.find(self.registry, request.path), request)
        except failures.ApiError as error:
            return _refused(error)

    def _answer(self, route: Route, request: Request) -> Response:
        if request.method == "GET":
            return self._read(route, request)
        body = json.loads(request.body) if request.body else {}
        match request.method, route.subresource:
            case "POST", "":
                author = self._author(request)
                return _ok(self._writer.create(route.resource, route.namespace, body, author=author), 201)
            case "PUT", "" | "status" | "scale":
                return _ok(self._replace(route, request, body))
            case "PATCH", "" | "status" | "scale":
                return self._patch(route, request, body)
            case "DELETE", "":
                wish = wish_of(body, request.query.get("propagationPolicy", ""))
                return _ok(self._collector.delete(route.resource, route.key, wish))
        sentence = "the server does not allow this method on the requested resource"
        raise failures.ApiError(405, "MethodNotAllowed", sentence)

    def _read(self, route: Route, request: Request) -> Response:
        if not route.name:
            return _ok(self._reader.page(route, request))
        present = self._present(route)
        match route.subresource:
            case "log":
                return self._logs(route, request)
            case "scale":
                return _ok(scaling.shown(route.resource, present))
            case "" | "status":
                return _ok(present)
        raise failures.NotFound(404, "NotFound", "the server could not find the requested resource")

    def _present(self, route: Route) -> Body:
        return self._writer.present(route.resource, route.key)

    @staticmethod
    def _author(request: Request, subresource: str = "", operation: str = "Update") -> Author:
        return Author(request.query.get("fieldManager", "unknown"), subresource, operation)

    def _replace(self, route: Route, request: Request, body: Body) -> Body:
        resource, present = route.resource, self._present(route)
        author = self._author(request, route.subresource)
        if route.subresource == "scale":
            wanted = scaling.changed(resource, present, body)
            return scaling.shown(resource, self._writer.update(resource, present, wanted, author=author))
        _check_name(route, body)
        return self._writer.update(resource, present, body, author=author)

    def _patch(self, route: Route, request: Request, body: Body) -> Response:
        match request.content_type:
            case transport.APPLY_PATCH:
                return self._apply(route, request, body)
            case transport.MERGE_PATCH:
                return _ok(self._merge(route, request, body))
            case transport.JSON_PATCH:
                present = self._present(route)
                operations = body if isinstance(body, list) else [body]
                wanted = patching.operate(present, operations)
                return _ok(self._writer.update(route.resource, present, wanted, author=self._author(request)))
        told = f"the body of the request was in an unknown format: {request.content_type}"
        raise failures.Invalid(415, "UnsupportedMediaType", told)

    def _merge(self, route: Route, request: Request, body: Body) -> Body:
        resource, present = route.resource, self._present(route)
        author = self._author(request, route.subresource)
        if route.subresource == "scale":
            scale = patching.merge(scaling.shown(resource, present), body)
            wanted = scaling.changed(resource, present, scale)
            return scaling.shown(resource, self._writer.update(resource, present, wanted, author=author))
        return self._writer.update(resource, present, patching.merge(present, body), author=author)

    def _apply(self, route: Route, request: Request, body: Body) -> Response:
        resource = route.resource
        if not request.query.get("fieldManager"):
            message = "PatchOptions.meta.k8s.io is invalid: fieldManager: Required value"
            raise failures.Invalid(422, "Invalid", message)
        _check_name(route, body)
        author = self._author(request, route.subresource, "Apply")
        present = self.store.get(resource.kind, route.key)
        if present is None:
            return self._apply_to_nothing(route, body, author)
        left_out = _not_applied(resource, route.subresource)
        intent = {name: value for name, value in body.items() if name not in left_out}
        applied = applying.apply(
            present,
            intent,
            author.owner,
            shapes=resource.shapes,
            force=request.query.get("force") == "true",
            now=self._writer.now(),
        )
        wanted = {**applied.body, "metadata": {**applied.body["metadata"]}}
        for name in ("resourceVersion", "uid"):
            wanted["metadata"][name] = (body.get("metadata") or {}).get(name) or present["metadata"][name]
        return _ok(self._writer.update(resource, present, wanted, author=author, claims=applied.claims))

    def _apply_to_nothing(self, route: Route, body: Body, author: Author) -> Response:
        metadata = body.get("metadata") or {}
        if route.subresource:
            raise writing.not_found(route.resource.kind, route.name)
        if metadata.get("uid"):
            told = f"uid mismatch: {metadata['uid']} was asked for, and no existing object was found"
            raise writing.conflict(route.resource.kind, route.name, told)
        if metadata.get("resourceVersion"):
            raise writing.not_found(route.resource.kind, route.name)
        return _ok(self._writer.create_applied(route.resource, route.namespace, body, author=author), 201)

    def _logs(self, route: Route, request: Request) -> Response:
        self._present(route)
        lines = self.log_lines.get(route.key, [])
        tail = int(request.query.get("tailLines") or len(lines))
        return Response(200, {}, "\n".join(lines[-tail:] if tail else []).encode())


def _check_name(route: Route, body: Body) -> None:
    said = bodies.key_of(body)
    if (said.name and said.name != route.name) or (said.namespace and said.namespace != route.namespace):
        told = f"the name of the object ({said.name}) does not match the name on the URL ({route.name})"
        raise failures.Invalid(400, "BadRequest", told)


def _not_applied(resource: Resource, subresource: str) -> set[str]:
    """What an apply to this endpoint does not write."""
    if subresource == "status":
        return {"spec", "metadata"}
    return {"status"} if resource.status else set()


def _ok(body: Body, status: int = 200) -> Response:
    return Response(status, {"content-type": transport.JSON}, json.dumps(body).encode())


def _failed(status: int, retry_after: float | None) -> Response:
    if status == 0:
        raise failures.Unavailable(0, "NetworkError", "connection reset by peer")
    body = {"kind": "Status", "code": status, "reason": "", "message": "a planned fault"}
    headers = {"retry-after": f"{retry_after:g}"} if retry_after is not None else {}
    return Response(status, headers, json.dumps(body).encode())


def _refused(error: failures.ApiError) -> Response:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": error.message,
        "reason": error.reason,
        "details": error.details,
        "code": error.status,
    }
    return Response(error.status, {"content-type": transport.JSON}, json.dumps(body).encode())
