"""The fence of a client that a test can close."""

from __future__ import annotations


class Fence:
    """A fence that can be closed, and the writes that were counted."""

    def __init__(self) -> None:
        self.open = True
        self.counted: list[tuple[str, str]] = []

    def __call__(self) -> bool:
        return self.open

    def count(self, kind: str, verb: str) -> None:
        self.counted.append((kind, verb))
