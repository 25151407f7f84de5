"""What can go wrong, as one tree, and what reconciling does about it.

    Failure
    ├── NotLeader            this process may not write (any more)
    ├── ApiError             the API server refused, or could not be asked
    │   ├── NotFound         404
    │   ├── AlreadyExists    409, the name is taken
    │   ├── Conflict         409, somebody wrote in between, or owns the field
    │   ├── Gone             410, the resource version or continue token is too old
    │   ├── Unauthorized     401
    │   ├── Forbidden        403: RBAC, quota, admission, a terminating namespace
    │   ├── Invalid          400, 413, 415, 422
    │   ├── TooManyRequests  429
    │   │   └── Paused       said by ourselves: the server asked for quiet, nothing was sent
    │   └── Unavailable      5xx, time-out, network (status 0)
    │       └── NoLogin      nobody could log in: nothing was sent
    └── what reconciling knows
        ├── Outdated         the world is not what the plan was made for: look again
        ├── Retry            the world may heal it
        └── Stalled          only a person or a new spec helps

Everything else is a bug.
"""

from __future__ import annotations

import json
from typing import Any, Final

from seatrial.api.objects import Body
from seatrial.api.reasons import Reason
from seatrial.kube.transport import Response


class Failure(Exception):
    """The root of the tree."""


class NotLeader(Failure):
    """This process does not hold the lease: nothing was written."""


class ApiError(Failure):
    """The API server's refusal: HTTP status, its word, its sentence, and when to come again."""

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
        """Seconds, where the server said so."""
        self.details: dict[str, Any] = details or {}
        """The server's `details`, with its `causes`."""

    def has_cause(self, reason: str) -> bool:
        """Whether one of the server's causes is `reason`."""
        return any(cause.get("reason") == reason for cause in self.details.get("causes") or [])


class NotFound(ApiError):
    """There is no such object, collection or namespace."""


class AlreadyExists(ApiError):
    """The name is taken."""


class Conflict(ApiError):
    """The object changed since it was read, is another one (uid), or another manager owns the field."""


class Gone(ApiError):
    """The resource version or the continue token is too old: list again."""


class Unauthorized(ApiError):
    """The server does not know who asks."""


class Forbidden(ApiError):
    """RBAC, quota, admission or a terminating namespace says no."""

    @property
    def namespace_terminating(self) -> bool:
        """The namespace is on its way out: nothing new may be made in it."""
        return self.has_cause("NamespaceTerminating") or "is being terminated" in self.message

    @property
    def quota_exceeded(self) -> bool:
        """A ResourceQuota is used up."""
        return "exceeded quota" in self.message


class Invalid(ApiError):
    """The server will never take this body."""


class TooManyRequests(ApiError):
    """The server is busy; `retry_after` says for how long."""


class Paused(TooManyRequests):
    """Nothing was sent: the server has asked everybody to wait for `left` more seconds."""

    def __init__(self, left: float) -> None:
        message = f"the API server asked for a pause; {left:.1f} s of it are left"
        super().__init__(429, "Paused", message, retry_after=left)


class Unavailable(ApiError):
    """The server, or the way to it, is broken for now."""


class NoLogin(Unavailable):
    """Nothing was sent, because nobody could log in: `message` says why, in one line."""

    def __init__(self, why: str) -> None:
        super().__init__(0, "NoLogin", why)


class Outdated(Failure):
    """The world is not what the plan was made for: nothing was written, and a fresh look is all that is needed."""


class Retry(Failure):
    """The world may heal it: try again after `after` seconds."""

    def __init__(self, reason: Reason, after: float | None = None, message: str = "") -> None:
        super().__init__(f"{reason}: {message}" if message else reason)
        self.reason = reason
        self.after = after
        """Seconds; None leaves it to the queue's back-off."""
        self.message = message


class Stalled(Failure):
    """Only a person or a new spec helps: `message` says what to do."""

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
_WORDS: Final[dict[type[ApiError], Reason]] = {
    Unauthorized: Reason.API_UNAUTHORIZED,
    TooManyRequests: Reason.API_TOO_MANY_REQUESTS,
    Unavailable: Reason.API_UNAVAILABLE,
}
_NAMESPACE_TERMINATING_RETRY: Final = 60.0
_FORBIDDEN_RETRY: Final = 30.0


def from_status(body: Body, *, retry_after: float | None = None) -> ApiError:
    """The error that a `Status` object stands for."""
    code = int(body.get("code") or 500)
    reason = str(body.get("reason") or "")
    kind = _BY_STATUS.get(code, Unavailable if code >= 500 else ApiError)
    details = body.get("details") or {}
    if reason == "AlreadyExists":
        kind = AlreadyExists
    if any(cause.get("field") == "metadata.uid" for cause in details.get("causes") or []):
        kind = Conflict  # an apply to another incarnation of the name is called Invalid by the server
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
    """The error that an answer of 400 or more stands for, even where a proxy and not the server gave it."""
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


def unreachable(error: BaseException) -> Unavailable:
    """The failure for a network error or a time-out: nobody knows whether the request was carried out."""
    return Unavailable(
        0, "Timeout" if isinstance(error, TimeoutError) else "NetworkError", str(error) or repr(error)
    )


def classify(error: BaseException, *, of_spec: bool = False) -> Retry | Stalled | None:
    """What reconciling does about `error`; None for a bug, for `Outdated`, and for `NotLeader`, which ends the work.

    `of_spec`: what was written says what the spec says, so that a refusal of its content is the spec's.
    """
    match error:
        case Retry() | Stalled():
            return error
        case Invalid() if of_spec:
            return Stalled(Reason.INVALID_SPEC, error.message)
        case Forbidden():
            return _of_forbidden(error)
        case ApiError():
            word = next(
                (word for kind, word in _WORDS.items() if isinstance(error, kind)), Reason.API_REFUSED
            )
            after = _FORBIDDEN_RETRY if isinstance(error, Unauthorized) else error.retry_after
            return Retry(word, after, error.message)
    return None


def _of_forbidden(error: Forbidden) -> Retry:
    if error.namespace_terminating:
        return Retry(Reason.NAMESPACE_TERMINATING, _NAMESPACE_TERMINATING_RETRY, error.message)
    if error.quota_exceeded:
        return Retry(Reason.QUOTA_EXCEEDED, None, error.message)
    return Retry(Reason.API_FORBIDDEN, _FORBIDDEN_RETRY, error.message)
