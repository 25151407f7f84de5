"""What the status says about an action that failed."""

from __future__ import annotations

from typing import Final

from seatrial.api.reasons import Reason
from seatrial.api.text import truncate
from seatrial.children import actions
from seatrial.children.actions import Action
from seatrial.core.snapshot import ApplyError, Harm
from seatrial.kube import failures, rejections
from seatrial.manifests import server_pod
from seatrial.manifests.spec_paths import in_terms_of_spec

_REJECTED: Final = frozenset({Reason.QUOTA_EXCEEDED, Reason.INVALID_SPEC})
"""The reasons of which the API server says that it rejects the content of a write."""
LONGEST_CAUSE: Final = 300
"""Characters of the API server's message: it quotes the whole value that it rejects."""


def verdict_on(failure: Exception, action: Action, *, harm: Harm) -> tuple[ApplyError, float | None]:
    """Return the error of a failed action and the seconds to wait; raise a failure that is no verdict about it."""
    verdict = failures.classify(failure, of_spec=isinstance(action, actions.Create | actions.Apply))
    if verdict is None:
        raise failure
    message = verdict.message if verdict is failure else _message(verdict, _cause(failure, action), action)
    after = verdict.after if isinstance(verdict, failures.Retry) else None
    child = _subject_of(action)
    return ApplyError(reason=verdict.reason, message=message, child=child, harm=harm), after


def _message(verdict: failures.Retry | failures.Stalled, cause: str, action: Action) -> str:
    """Return what the API server did with the action, and why."""
    result = "was rejected" if verdict.reason in _REJECTED else "could not be written"
    return f"{_subject_of(action)} {result}: {truncate(cause, LONGEST_CAUSE)}"


def _cause(failure: Exception, action: Action) -> str:
    """Return why the API server did not carry out the action, in terms of the spec where it rejects a field."""
    if not isinstance(failure, failures.ApiError):
        return str(failure)
    if not isinstance(action, actions.Create | actions.Apply):
        return failure.message
    problems = rejections.field_problems(action.body["kind"], failure)
    own = server_pod.OWN_VARIABLES
    return "; ".join(str(in_terms_of_spec(p, own_variables=own)) for p in problems) or failure.message


def _subject_of(action: Action) -> str:
    """Return kind and name of the object that an action is about."""
    if isinstance(action, actions.Create | actions.Apply):
        return f"{action.body['kind']} {action.body['metadata']['name']}"
    kind = {actions.Scale: "Deployment", actions.AnswerDecision: "RolloutDecision"}.get(type(action), "")
    return f"{kind or getattr(action, 'kind', '')} {action.name}"
