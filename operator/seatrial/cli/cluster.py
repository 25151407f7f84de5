"""The requests that commands send to a cluster, with the credentials of a kubeconfig."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import quote

from seatrial.api import kinds, names
from seatrial.api.kinds import Kind
from seatrial.api.objects import Body
from seatrial.cli.errors import CommandError
from seatrial.kube import failures
from seatrial.kube.transport import Request, Transport

FIELD_MANAGER: Final = "seatrial-cli"
REVIEW: Final = Kind(
    "authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False
)

Connect: TypeAlias = Callable[[str], AbstractAsyncContextManager[Transport]]
"""Connects to the cluster of a context of the kubeconfig; empty means the current context."""


@asynccontextmanager
async def connect_with_kubeconfig(context: str) -> AsyncIterator[Transport]:
    """Connect to the cluster of a context, and close the connections at the end."""
    try:
        from seatrial.kube import http
    except ImportError as error:
        raise CommandError(
            f"the Python package {error.name} is missing, which connects to a cluster: install seatrial[cli], or give "
            "all options, so that no cluster is needed"
        ) from None
    transport = http.HttpTransport(http.default_login(context=context))
    try:
        yield transport
    finally:
        await transport.close()


@dataclass(frozen=True, slots=True)
class ClusterClient:
    """A client of one API server. Every failure is a CommandError."""

    transport: Transport

    async def deployment(self, namespace: str, name: str) -> Body:
        """Get a ModelDeployment."""
        request = Request("GET", kinds.MODEL_DEPLOYMENT.path(quote(namespace, safe=""), name))
        try:
            return await self._send(request)
        except failures.NotFound:
            raise CommandError(
                f"{names.KIND} {name} does not exist in namespace {namespace} of this cluster; "
                "-n selects another namespace, --context another cluster"
            ) from None
        except failures.ApiError as error:
            raise CommandError(_explanation(error)) from None

    async def user(self) -> str:
        """Get the user name by which the API server knows this client; an admission policy compares it."""
        review = {"apiVersion": REVIEW.api_version, "kind": REVIEW.kind}
        try:
            response = await self._send(Request("POST", REVIEW.path(), body=_encoded(review)))
        except failures.ApiError as error:
            raise CommandError(f"cannot determine your user name, use --by: {_explanation(error)}") from None
        return str(response["status"]["userInfo"]["username"])

    async def create(self, kind: Kind, namespace: str, body: Body) -> Body:
        """Create an object, and return it as stored."""
        query = {"fieldManager": FIELD_MANAGER}
        request = Request("POST", kind.path(quote(namespace, safe="")), query, _encoded(body))
        try:
            return await self._send(request)
        except failures.Unavailable as error:
            hint = (
                f"the {kind.kind} may exist nevertheless; check with kubectl get {kind.plural} -n {namespace}"
            )
            raise CommandError(f"{_explanation(error)}; {hint}") from None
        except failures.ApiError as error:
            raise CommandError(_explanation(error)) from None

    async def _send(self, request: Request) -> Body:
        try:
            response = await self.transport.request(request)
        except failures.NoLogin as error:
            raise CommandError(f"cannot use the kubeconfig: {error.message}") from None
        if response.status >= 400:
            raise failures.from_response(response)
        body: Body = json.loads(response.body)
        return body


def _encoded(body: Body) -> bytes:
    return json.dumps(body).encode()


def _explanation(error: failures.ApiError) -> str:
    match error:
        case failures.Unauthorized():
            return "the API server does not accept your credentials; log in again"
        case failures.Unavailable(status=0):
            return f"cannot reach the API server: {error.message}"
        case _:
            return f"the API server rejects the request: {error.message or error.reason}"
