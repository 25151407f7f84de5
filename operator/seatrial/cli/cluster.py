"""The few things that a command asks a cluster for, as whoever a kubeconfig says; failures are sentences."""

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
from seatrial.cli.yaml_input import Unusable
from seatrial.kube import failures
from seatrial.kube.transport import Request, Transport

FIELD_MANAGER: Final = "seatrial-cli"
REVIEW: Final = Kind(
    "authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False
)

Connect: TypeAlias = Callable[[str], AbstractAsyncContextManager[Transport]]
"""Opens the cluster of a context of the kubeconfig; empty for the current one."""


@asynccontextmanager
async def of_kubeconfig(context: str) -> AsyncIterator[Transport]:
    """The cluster of a context, until the end."""
    try:
        from seatrial.kube import http
    except ImportError as missing:
        raise Unusable(
            f"asking a cluster needs the Python package {missing.name}: install seatrial[cli], or say all "
            "options, and no cluster is asked"
        ) from None
    carrier = http.HttpTransport(http.default_login(context=context))
    try:
        yield carrier
    finally:
        await carrier.close()


@dataclass(frozen=True, slots=True)
class Cluster:
    """One API server, asked as whoever has logged in; `Unusable` when nobody can."""

    carrier: Transport

    async def deployment(self, namespace: str, name: str) -> Body:
        """The ModelDeployment; `Unusable` when there is none."""
        try:
            return await self._answer(
                Request("GET", kinds.MODEL_DEPLOYMENT.path(quote(namespace, safe=""), name))
            )
        except failures.NotFound:
            raise Unusable(
                f"there is no {names.KIND} {name} in namespace {namespace} of this cluster; "
                "-n names another namespace, --context another cluster"
            ) from None
        except failures.ApiError as error:
            raise Unusable(_sentence(error)) from None

    async def user(self) -> str:
        """Who asks, as the API server knows it: the name that an admission policy compares."""
        review = {"apiVersion": REVIEW.api_version, "kind": REVIEW.kind}
        try:
            answer = await self._answer(Request("POST", REVIEW.path(), body=_bytes(review)))
        except failures.ApiError as error:
            raise Unusable(f"who decides is not known, say --by: {_sentence(error)}") from None
        return str(answer["status"]["userInfo"]["username"])

    async def create(self, kind: Kind, namespace: str, body: Body) -> Body:
        """The object as created."""
        query = {"fieldManager": FIELD_MANAGER}
        request = Request("POST", kind.path(quote(namespace, safe="")), query, _bytes(body))
        try:
            return await self._answer(request)
        except failures.Unavailable as error:
            unknown = (
                f"whether the {kind.kind} was created is not known: kubectl get {kind.plural} -n {namespace}"
            )
            raise Unusable(f"{_sentence(error)}; {unknown}") from None
        except failures.ApiError as error:
            raise Unusable(_sentence(error)) from None

    async def _answer(self, request: Request) -> Body:
        try:
            response = await self.carrier.request(request)
        except failures.NoLogin as error:
            raise Unusable(f"the kubeconfig cannot be used: {error.message}") from None
        if response.status >= 400:
            raise failures.from_response(response)
        body: Body = json.loads(response.body)
        return body


def _bytes(body: Body) -> bytes:
    return json.dumps(body).encode()


def _sentence(error: failures.ApiError) -> str:
    match error:
        case failures.Unauthorized():
            return "the API server does not know who asks; log in again"
        case failures.Unavailable(status=0):
            return f"the API server cannot be reached: {error.message}"
        case _:
            return f"the API server refuses: {error.message or error.reason}"
