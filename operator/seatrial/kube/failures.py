"""The errors of the operator as one tree, and the one place that classifies them for reconciling.

    Failure
    ├── NotLeader            this process does not hold the lease; nothing was sent
    ├── ApiError             the API server answered with an error, or did not answer
    │   ├── NotFound         404
    │   ├── AlreadyExists    409, the name is taken
    │   ├── Conflict         409, the object changed, is another one, or another manager owns a field
    │   ├── Gone             410, the resource version or continue token is too old
    │   ├── Unauthorized     401
    │   ├── Forbidden        403: RBAC, quota, admission, a terminating namespace
    │   ├── Invalid          400, 413, 415, 422; 500 to an apply that does not fit the kind's schema
    │   ├── TooManyRequests  429
    │   │   └── Paused       the server asked for a pause before; nothing was sent
    │   │       └── Unsettled  the last write of this object may still be carried out; nothing was sent
    │   └── Unavailable      5xx, time-out, network error (status 0): a write may have been carried out
    │       └── NotSent      no connection; nothing was sent
    │           └── NoLogin  the login failed; nothing was sent
    └── raised while applying a plan
        ├── Outdated         the cluster changed since it was observed: observe and plan again
        ├── Retry            the condition may pass: try again later
        └── Stalled          a user must act, or the spec must change

Every other exception is a bug.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar, Final

from seatrial.api.objects import Body
from seatrial.api.reasons import Reason
from seatrial.kube.transport import Response


class Failure(Exception):
    """The root of the tree."""


class NotLeader(Failure):
    """This process does not hold the lease; nothing was sent."""


class ApiError(Failure):
    """An error response of the API server: HTTP status, reason, message, and when to retry."""

    def __init__(
        self,
        status: int,
        reason: str,
        message: str = "",
        *,
        retry_after: float | None = None,
        details: Body | None = None,
    ) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after
        """Seconds; None if the server did not say."""
        self.details: dict[str, Any] = details or {}
        """The `details` of the Status object."""

    def has_cause(self, reason: str) -> bool:
        """Return whether one of the causes in the details has this reason."""
        return any(cause.get("reason") == reason for cause in self.details.get("causes") or [])


class NotFound(ApiError):
    """The object, collection or namespace does not exist."""


class AlreadyExists(ApiError):
    """The name is taken."""


class Conflict(ApiError):
    """The object changed since it was read, has another uid, or another manager owns a field."""


class Gone(ApiError):
    """The resource version or the continue token is too old: list again."""


class Unauthorized(ApiError):
    """The server does not accept the credentials."""


class Forbidden(ApiError):
    """RBAC, a quota, admission or a terminating namespace does not permit the request."""

    @property
    def namespace_terminating(self) -> bool:
        """The namespace is being deleted: nothing can be created in it."""
        return self.has_cause("NamespaceTerminating") or "is being terminated" in self.message

    @property
    def quota_exceeded(self) -> bool:
        """A ResourceQuota is exhausted."""
        return "exceeded quota" in self.message


class Invalid(ApiError):
    """The server will never accept this body."""


class TooManyRequests(ApiError):
    """The server is overloaded; `retry_after` says for how long."""


class Paused(TooManyRequests):
    """Nothing was sent: the server asked for a pause, of which `left` seconds remain."""

    def __init__(self, left: float, message: str = "") -> None:
        message = message or f"the API server asked for a pause, {left:.1f} s of it remain"
        super().__init__(429, type(self).__name__, message, retry_after=left)


class Unsettled(Paused):
    """Nothing was sent: the last write of this object may have been carried out, `left` seconds are to be waited."""

    def __init__(self, left: float) -> None:
        super().__init__(
            left, "the outcome of the last write is not known yet; it is read before it is repeated"
        )


class Unavailable(ApiError):
    """The server or the network is unavailable for now."""

    outcome_unknown: ClassVar[bool] = True
    """A write may have been carried out nevertheless, or may still be."""


class NotSent(Unavailable):
    """Nothing was sent: no connection could be made."""

    outcome_unknown = False


class NoLogin(NotSent):
    """Nothing was sent because the login failed; `message` says why, in one line."""

    def __init__(self, why: str) -> None:
        super().__init__(0, "NoLogin", why)


class Outdated(Failure):
    """The cluster changed since it was observed; nothing was written. Observe and plan again."""


class Retry(Failure):
    """The condition may pass: try again after `after` seconds."""

    def __init__(self, reason: Reason, after: float | None = None, message: str = "") -> None:
        super().__init__(f"{reason}: {message}" if message else reason)
        self.reason = reason
        self.after = after
        """Seconds; None: use the back-off of the queue."""
        self.message = message


class Stalled(Failure):
    """A user must act or the spec must change; `message` says how."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message


_BY_STATUS: Final[dict[int, type[ApiError]]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    408: Unavailable,
    409: Conflict,
    410: Gone,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    429: TooManyRequests,
}
_REASONS: Final[dict[type[ApiError], Reason]] = {
    Unauthorized: Reason.API_UNAUTHORIZED,
    TooManyRequests: Reason.API_TOO_MANY_REQUESTS,
    Unavailable: Reason.API_UNAVAILABLE,
}
TYPED_PATCH: Final = "failed to create typed patch object"
_DOES_NOT_FIT: Final = (TYPED_PATCH, "failed to convert new object")
"""How the API server begins its answer to a server-side apply that does not fit the schema: with status 500."""
_NAMESPACE_TERMINATING_RETRY: Final = 60.0
_FORBIDDEN_RETRY: Final = 30.0
"""Seconds: a role is granted by hand, and no watch reports it."""


def from_status(body: Body, *, retry_after: float | None = None) -> ApiError:
    """Return the error that a `Status` object stands for."""
    code = int(body.get("code") or 500)
    reason = str(body.get("reason") or "")
    kind = _BY_STATUS.get(code, Unavailable if code >= 500 else ApiError)
    details = body.get("details") or {}
    if reason == "AlreadyExists":
        kind = AlreadyExists
    if code == 500 and str(body.get("message") or "").startswith(_DOES_NOT_FIT):
        kind = Invalid
    if any(cause.get("field") == "metadata.uid" for cause in details.get("causes") or []):
        kind = Conflict  # the server answers Invalid to an apply whose uid is that of a deleted object of the name
    if retry_after is None and details.get("retryAfterSeconds"):
        retry_after = _seconds(str(details["retryAfterSeconds"]))
    return kind(
        code,
        reason or kind.__name__,
        str(body.get("message") or ""),
        retry_after=retry_after,
        details=details,
    )


def from_response(response: Response) -> ApiError:
    """Return the error that a response of 400 or more stands for, whether the server or a proxy sent it."""
    try:
        body = json.loads(response.body)
    except ValueError:
        body = {"message": response.body[:200].decode(errors="replace")}
    if not isinstance(body, dict) or body.get("kind") != "Status":
        body = {"message": str(body)[:200]}
    body["code"] = response.status
    return from_status(body, retry_after=_seconds(response.headers.get("retry-after", "")))


def _seconds(header: str) -> float | None:
    return float(header) if header.strip().isascii() and header.strip().isdigit() else None


def unreachable(error: BaseException, *, kind: type[Unavailable] = Unavailable) -> Unavailable:
    """Return the failure for a network error or a time-out: the request may or may not have been carried out."""
    return kind(
        0, "Timeout" if isinstance(error, TimeoutError) else "NetworkError", str(error) or repr(error)
    )


def classify(error: BaseException, *, of_spec: bool = False) -> Retry | Stalled | None:
    """Return whether to retry or to wait for a user; None for a bug, `Outdated` and `NotLeader`.

    `of_spec`: the content of the write comes from the spec, so if the API server rejects it, the spec is at fault.
    """
    match error:
        case Retry() | Stalled():
            return error
        case Invalid() if of_spec:
            return Stalled(Reason.INVALID_SPEC, error.message)
        case Forbidden():
            return _classify_forbidden(error)
        case ApiError():
            reasons = (reason for kind, reason in _REASONS.items() if isinstance(error, kind))
            reason = next(reasons, Reason.API_REFUSED)
            after = _FORBIDDEN_RETRY if isinstance(error, Unauthorized) else error.retry_after
            return Retry(reason, after, error.message)
    return None


def _classify_forbidden(error: Forbidden) -> Retry:
    if error.namespace_terminating:
        return Retry(Reason.NAMESPACE_TERMINATING, _NAMESPACE_TERMINATING_RETRY, error.message)
    if error.quota_exceeded:
        return Retry(Reason.QUOTA_EXCEEDED, None, error.message)
    return Retry(Reason.API_FORBIDDEN, _FORBIDDEN_RETRY, error.message)
