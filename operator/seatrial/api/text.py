"""Text for people: truncation, plurals."""

from __future__ import annotations

from typing import Final

ELLIPSIS: Final = "…"


def truncate(text: str, limit: int) -> str:
    """At most the first `limit` characters of a text, the last of them an ellipsis where more were cut."""
    return text if len(text) <= limit else f"{text[: limit - 1]}{ELLIPSIS}"


def truncate_middle(text: str, limit: int) -> str:
    """At most `limit` characters of a text: what it is about stands at its begin, and the cause at its end."""
    if len(text) <= limit:
        return text
    begin = limit // 3
    return f"{text[:begin]}{ELLIPSIS}{text[begin + 1 - limit :]}"


def pluralize(count: int, noun: str) -> str:
    """`1 pod`, `0 pods`, `3 pods`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def is_or_are(count: int, of: int) -> str:
    """The verb behind `count` out of `of` things: `1 of 3 pods is`, `0 of 1 pod is`, `2 of 3 pods are`."""
    return "is" if 1 in {count, of} else "are"
