"""Text for people: truncation and plurals."""

from __future__ import annotations

from typing import Final

ELLIPSIS: Final = "…"


def truncate(text: str, limit: int) -> str:
    """Return `text` truncated to `limit` characters, the last of them an ellipsis."""
    return text if len(text) <= limit else f"{text[: limit - 1]}{ELLIPSIS}"


def truncate_middle(text: str, limit: int) -> str:
    """Return `text` truncated to `limit` characters in the middle: the subject is first, the cause last."""
    if len(text) <= limit:
        return text
    start = limit // 3
    return f"{text[:start]}{ELLIPSIS}{text[start + 1 - limit :]}"


def pluralize(count: int, noun: str, plural: str = "") -> str:
    """Return the count with the noun in singular or plural: `1 pod`, `0 pods`, `3 pods`."""
    return f"{count} {noun}" if count == 1 else f"{count} {plural or f'{noun}s'}"


def is_or_are(count: int, of: int) -> str:
    """Return the verb for `count` out of `of`: `1 of 3 pods is`, `0 of 1 pod is`, `2 of 3 pods are`."""
    return "is" if 1 in {count, of} else "are"
