"""The faults that can be injected into a fake API server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from seatrial.api.kinds import Kind
from seatrial.kube.transport import Request
from tests.apiserver.store import Change, Store


class Crash(BaseException):
    """The client process dies here: raised from a hook, caught only by the test."""


@dataclass(frozen=True, slots=True)
class Write:
    """One write that a client requested."""

    verb: str
    kind: str
    namespace: str
    name: str
    subresource: str = ""


Hook: TypeAlias = Callable[[Write], None]
Predicate: TypeAlias = Callable[[Request], bool]


def _any_request(_request: Request) -> bool:
    return True


@dataclass(slots=True)
class _Planned:
    remaining: int
    status: int
    predicate: Predicate
    retry_after: float | None
    after: bool


@dataclass(slots=True)
class Faults:
    """The faults of one fake server; `before_write` and `after_write` may raise `Crash`."""

    latency: float = 0.0
    """Seconds before each response."""
    unreachable: bool = False
    """Let requests and watches end in a network error."""
    hanging: bool = False
    """Never respond to requests: they end with their time-out."""
    before_write: Hook | None = None
    after_write: Hook | None = None
    watch_generation: int = 0
    _planned: list[_Planned] = field(default_factory=list)
    _lost_deletions: list[tuple[Kind, str]] = field(default_factory=list)
    _store: Store | None = None

    def attach(self, store: Store) -> None:
        """Attach the faults to a store."""
        self._store = store
        store.on_change.append(self._hide_lost_deletion)

    def fail_next(
        self,
        count: int,
        status: int,
        predicate: Predicate = _any_request,
        *,
        retry_after: float | None = None,
        after: bool = False,
    ) -> None:
        """Respond with `status` to the next `count` requests that `predicate` selects; 0 is a network error.

        With `after` the request is carried out first, and the caller cannot know.
        """
        self._planned.append(_Planned(count, status, predicate, retry_after, after))

    def drop_watches(self) -> None:
        """End every open watch, as a broken connection does."""
        self.watch_generation += 1
        if self._store is not None:
            self._store.wake()

    def lose_delete_event(self, kind: Kind, name: str) -> None:
        """Hide the next deletion of this object from every watch."""
        self._lost_deletions.append((kind, name))

    def compact(self) -> None:
        """Respond with 410 to watches and continue tokens from before now; open watches continue."""
        if self._store is not None:
            self._store.compact()

    def next_for(self, request: Request, *, after: bool) -> tuple[int, float | None] | None:
        """Take the planned status and Retry-After for `request`, if there is one."""
        for planned in self._planned:
            if planned.remaining > 0 and planned.after is after and planned.predicate(request):
                planned.remaining -= 1
                return planned.status, planned.retry_after
        return None

    def _hide_lost_deletion(self, kind: Kind, change: Change) -> None:
        if change.after is not None or change.before is None or self._store is None:
            return
        deletion = (kind, change.before["metadata"]["name"])
        if deletion in self._lost_deletions:
            self._lost_deletions.remove(deletion)
            self._store.hide(kind, change.revision)
