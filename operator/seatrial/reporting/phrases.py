"""Times, causes and clauses in messages."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from seatrial.api.reasons import Reason
from seatrial.api.text import truncate
from seatrial.core.references import Reference

SELF_EXPLANATORY: Final = frozenset({Reason.SUPERSEDED, Reason.ABORTED, Reason.ROLLED_BACK})
"""Reasons that the message beside them repeats."""


LONGEST_HEADLINE: Final = 120
"""`kubectl get` shows a line as long as this beside the other columns of a wide terminal."""
SEPARATOR: Final = "; "


def joined(*clauses: str) -> str:
    """Return the clauses that are not empty as one sentence."""
    return SEPARATOR.join(filter(None, clauses))


def headline(clauses: Sequence[str]) -> str:
    """Return the first clause, shortened where it is too long, and every other one that still fits."""
    first, *others = filter(None, clauses)
    text = _shortened(first)
    for each in others:
        longer = joined(text, each)
        text = longer if len(longer) <= LONGEST_HEADLINE else text
    return text


def _shortened(text: str) -> str:
    """Return a text that fits: whole parts of it where they fill half a line, cut anywhere otherwise."""
    if len(text) <= LONGEST_HEADLINE:
        return text
    end = text.rfind(SEPARATOR, LONGEST_HEADLINE // 2, LONGEST_HEADLINE)
    return truncate(text, LONGEST_HEADLINE) if end < 0 else text[:end]


def utc(moment: datetime | None, now: datetime | None = None) -> str:
    """Return a moment in UTC as people read it; without its date where it is of the day of `now`."""
    if moment is None:
        return ""
    today = now is not None and moment.date() == now.date()
    return f"{moment:%H:%M:%SZ}" if today else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def clause(sentence: str) -> str:
    """Return a sentence that another program wrote as a part of ours."""
    return sentence.rstrip(". ")


def because(reason: str, message: str) -> str:
    """Return the cause of what was just stated: ` after CrashLoop: it exits`, or `: aborted by jo`."""
    text = clause(message)
    if reason in SELF_EXPLANATORY and text:
        return f": {text}"
    return f" after {reason}{f': {text}' if text else ''}"


def missing(references: Collection[Reference]) -> tuple[str, str]:
    """Return `Secret a and ConfigMap b are missing` and `create them`."""
    listed = " and ".join(str(reference) for reference in references)
    one = len(references) == 1
    return f"{listed} {'is' if one else 'are'} missing", f"create {'it' if one else 'them'}"
