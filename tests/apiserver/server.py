"""An in-process API server: the semantics that the operator relies on, and injected faults.

One contract suite, tests/contract, compares it with a real server. Only garbage collection and the termination of
namespaces run by themselves; the cluster's controllers are in `tests.apiserver.controller_manager`.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from seatrial.api import kinds
from seatrial.api.objects import Body
from seatrial.kube import failures, transport
from seatrial.kube.transport import Request, Response
from tests.apiserver import field_validation, put_and_patch, routes, scale_subresource
from tests.apiserver.faults import Faults, Write
from tests.apiserver.garbage_collection import delete_options_of
from tests.apiserver.list_and_watch import CollectionReader, encoded, is_partial
from tests.apiserver.object_access import ObjectAccess
from tests.apiserver.played_requests import PlayedRequests
from tests.apiserver.routes import Route
from tests.apiserver.served_resources import Resource, ScalePaths

_METRICS_OF_POD: Final = re.compile(r"/api/v1/namespaces/([^/]+)/pods/([^/:]+):[0-9]+/proxy/metrics")
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


class FakeApiServer(ObjectAccess):
    """A `Transport` to an in-memory cluster.

    `clock` returns the aware times of object fields; waiting uses the running event loop. `faults` injects faults,
    `writes` records every write that clients requested.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        namespaces: Iterable[str] = ("default",),
        resources: Iterable[Resource] = SEATRIAL_RESOURCES,
        namespace_seconds: float = 1.0,
    ) -> None:
        super().__init__(clock, namespace_seconds=namespace_seconds)
        self._clock = clock
        self.faults = Faults()
        self.faults.attach(self.store)
        self.writes: list[Write] = []
        self.requests: list[Request] = []
        self.raw: dict[str, bytes] = {}
        """Responses of other paths, such as a pod's metrics through the proxy."""
        self.requests_of_users = PlayedRequests(self.store, clock)
        self._reader = CollectionReader(self.store, self.faults)
        for resource in resources:
            self.registry.add(resource)
        for name in namespaces:
            self.add_namespace(name)

    # the transport

    async def request(self, request: Request) -> Response:
        """Return the response, with the injected faults and the date."""
        response = await self._response(request)
        date = format_datetime(self._clock(), usegmt=True)
        return replace(response, headers={**response.headers, "date": date})

    async def _response(self, request: Request) -> Response:
        self.requests.append(request)
        await self._delay(request)
        if planned := self.faults.next_for(request, after=False):
            return _injected_failure(*planned)
        write = self._write_of(request)
        if write and self.faults.before_write:
            self.faults.before_write(write)
        response = self._carry_out(request)
        if write:
            self.writes.append(write)
            if self.faults.after_write:
                self.faults.after_write(write)
        if planned := self.faults.next_for(request, after=True):
            return _injected_failure(*planned)
        return response

    async def stream(self, request: Request) -> AsyncGenerator[bytes]:
        """Yield the lines of a watch."""
        self.requests.append(request)
        await self._delay(request)
        if planned := self.faults.next_for(request, after=False):
            raise failures.from_response(_injected_failure(*planned))
        route = routes.resolve(self.registry, request.path)
        async with aclosing(self._reader.watch(route, request)) as lines:
            async for line in lines:
                yield line

    async def _delay(self, request: Request) -> None:
        """Yield to the event loop before each response, as on a network."""
        await asyncio.sleep(self.faults.latency)
        if self.faults.unreachable:
            raise failures.NotSent(0, "NetworkError", "connection refused")
        if self.faults.hanging:
            await asyncio.sleep(request.timeout)
            raise failures.Unavailable(0, "Timeout", f"no answer in {request.timeout:g} s")

    def _write_of(self, request: Request) -> Write | None:
        if request.method not in _VERBS or request.query.get("dryRun"):
            return None
        try:
            route = routes.resolve(self.registry, request.path)
        except failures.NotFound:
            return None
        verb = "apply" if request.content_type == transport.APPLY_PATCH else _VERBS[request.method]
        name = route.name or (json.loads(request.body or b"{}").get("metadata") or {}).get("name", "")
        return Write(verb, route.resource.kind.kind, route.namespace, name, route.subresource)

    def _carry_out(self, request: Request) -> Response:
        if request.path in self.raw:
            return Response(200, {}, self.raw[request.path])
        if (proxied := _METRICS_OF_POD.fullmatch(request.path)) is not None:
            return self._metrics_of(*proxied.groups())
        if request.method in _VERBS:
            self.requests_of_users.advance()  # a write may change who receives them
        try:
            return self._respond(routes.resolve(self.registry, request.path), request)
        except failures.ApiError as error:
            return _error_response(error)

    def _metrics_of(self, namespace: str, name: str) -> Response:
        """Return what a pod answers through the proxy."""
        pod = self.look(kinds.POD, namespace, name)
        text = None if pod is None else self.requests_of_users.metrics(pod)
        if text is None:
            return _error_response(failures.ApiError(503, "ServiceUnavailable", "connection refused"))
        return Response(200, {}, text)

    def _respond(self, route: Route, request: Request) -> Response:
        if request.method == "GET":
            return self._read(route, request)
        body = json.loads(request.body) if request.body else {}
        match request.method, route.subresource:
            case "POST", "":
                return _ok(self._create(route, request, body), 201)
            case "PUT", "" | "status" | "scale":
                return _ok(put_and_patch.replace(self._writer, route, request, body))
            case "PATCH", "" | "status" | "scale":
                is_new = self.look(route.resource.kind, *route.key) is None
                return _ok(put_and_patch.patch(self._writer, route, request, body), 201 if is_new else 200)
            case "DELETE", "":
                options = delete_options_of(body, request.query.get("propagationPolicy", ""))
                return _ok(self._collector.delete(route.resource, route.key, options))
        message = "the server does not allow this method on the requested resource"
        raise failures.ApiError(405, "MethodNotAllowed", message)

    def _create(self, route: Route, request: Request, body: Body) -> Body:
        strict = request.query.get("fieldValidation") == "Strict"
        body = field_validation.decoded(route.resource.kind, body, strict=strict)
        if request.query.get("dryRun"):
            return self._writer.check_new(route.resource, route.namespace, body)
        author = put_and_patch.author_of(request)
        return self._writer.create(route.resource, route.namespace, body, author=author)

    def _read(self, route: Route, request: Request) -> Response:
        if not route.name:
            return _ok(self._reader.page(route, request))
        present = self._present(route)
        match route.subresource:
            case "scale":
                return _ok(scale_subresource.scale_of(route.resource, present))
            case "" | "status":
                return _ok(encoded(present, partial=is_partial(request)))
        raise failures.NotFound(404, "NotFound", "the server could not find the requested resource")

    def _present(self, route: Route) -> Body:
        return self._writer.present(route.resource, route.key)


def _ok(body: Body, status: int = 200) -> Response:
    return Response(status, {"content-type": transport.JSON}, json.dumps(body).encode())


def _injected_failure(status: int, retry_after: float | None) -> Response:
    if status == 0:
        raise failures.Unavailable(0, "NetworkError", "connection reset by peer")
    body = {"kind": "Status", "code": status, "reason": "", "message": "a planned fault"}
    headers = {"retry-after": f"{retry_after:g}"} if retry_after is not None else {}
    return Response(status, headers, json.dumps(body).encode())


def _error_response(error: failures.ApiError) -> Response:
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
