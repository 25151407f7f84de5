"""Times and clauses in messages."""

from __future__ import annotations

from datetime import datetime


def utc(moment: datetime | None, now: datetime | None = None) -> str:
    """Return a moment in UTC as people read it; without its date where it is of the day of `now`."""
    if moment is None:
        return ""
    today = now is not None and moment.date() == now.date()
    return f"{moment:%H:%M:%SZ}" if today else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def clause(sentence: str) -> str:
    """Return a sentence that another program wrote as a part of ours."""
    return sentence.rstrip(". ")
