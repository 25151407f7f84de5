"""A bug of the operator in a pass: the name under which status and log can be found from one another."""

from __future__ import annotations

import hashlib
import traceback
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InternalError:
    """An exception that no rule of the program expects."""

    error: Exception

    @property
    def id(self) -> str:
        """Return 8 hex digits for what was raised and where.

        They are the same in every pass, so that a bug that recurs changes nothing in the status.
        """
        frames = (
            f"{frame.f_code.co_qualname}:{line}"
            for frame, line in traceback.walk_tb(self.error.__traceback__)
        )
        text = " ".join((type(self.error).__name__, *frames))
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    @property
    def message(self) -> str:
        """Return what has happened, and where its traceback is; never the exception's own text, which may vary."""
        return (
            f"a bug of the operator ({type(self.error).__name__}, id {self.id} in its log): what runs stays watched, "
            "nothing new is started; report it, and apply another spec or upgrade the operator"
        )
