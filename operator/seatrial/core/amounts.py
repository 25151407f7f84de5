"""How many there are, in words."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """`1 pod`, `0 pods`, `3 pods`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def are(count: int, of: int) -> str:
    """The verb behind `count` out of `of` things: `1 of 3 pods is`, `0 of 1 pod is`, `2 of 3 pods are`."""
    return "is" if 1 in {count, of} else "are"
