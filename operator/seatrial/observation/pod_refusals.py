"""Why the API server refuses to create the pods of a Deployment, and whether the pods themselves are at fault."""

from __future__ import annotations

import re
from typing import Final

from seatrial.api.reasons import Reason

_QUOTA: Final = re.compile(r"(exceeded|failed) quota: ")
_FORBIDDEN_CONTENT: Final = re.compile(
    r"violates PodSecurity "
    r"|ValidatingAdmissionPolicy '.*' denied request"
    r"|admission webhook \".*\" denied the request"
    r"|(maximum|minimum) \S+ usage per (Container|Pod) is "  # a LimitRange
    r"|max limit to request ratio per (Container|Pod) is "
    r"|is invalid: ",
    re.DOTALL,
)
"""The API server's sentences about what pods contain, and no others: a ServiceAccount, a PriorityClass or a webhook
that is missing may come at any time."""


def reason_of(message: str) -> Reason:
    """Return the reason for a refusal; `PodRejected` only where the message forbids what the pods contain."""
    if _QUOTA.search(message):
        return Reason.QUOTA_EXCEEDED
    return Reason.POD_REJECTED if _FORBIDDEN_CONTENT.search(message) else Reason.POD_CREATION_FAILED
