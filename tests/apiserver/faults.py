"""What can be made to go wrong on a fake API server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from seatrial.api.kinds import Kind
from seatrial.kube.transport import Request
from tests.apiserver.store import Change, Store


class Crash(BaseException):
    """The process dies here: raised from a hook, caught by nobody but the test."""


@dataclass(frozen=True, slots=True)
class Write:
    """One write that a client asked for."""

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
    left: int
    status: int
    predicate: Predicate
    retry_after: float | None
    after: bool


@dataclass(slots=True)
class Faults:
    """The faults of one fake server; `before_write` and `after_write` may raise `Crash`."""

    latency: float = 0.0
    """Seconds before each answer."""
    unreachable: bool = False
    """Requests and watches end in a network error while it is true."""
    hanging: bool = False
    """Requests are never answered: they end with their time-out."""
    before_write: Hook | None = None
    after_write: Hook | None = None
    watch_generation: int = 0
    _planned: list[_Planned] = field(default_factory=list)
    _lost: list[tuple[Kind, str]] = field(default_factory=list)
    _store: Store | None = None

    def attach(self, store: Store) -> None:
        """These are the faults of `store`."""
        self._store = store
        store.on_change.append(self._lose)

    def fail_next(
        self,
        count: int,
        status: int,
        predicate: Predicate = _any_request,
        *,
        retry_after: float | None = None,
        after: bool = False,
    ) -> None:
        """The next `count` requests that `predicate` chooses are answered `status`; 0 is a network error.

        With `after` the request is carried out first, so that the caller cannot know.
        """
        self._planned.append(_Planned(count, status, predicate, retry_after, after))

    def drop_watches(self) -> None:
        """Every open watch ends at once, as a broken connection does."""
        self.watch_generation += 1
        if self._store is not None:
            self._store.wake()

    def lose_delete_event(self, kind: Kind, name: str) -> None:
        """No watch hears of the next deletion of this object."""
        self._lost.append((kind, name))

    def compact(self) -> None:
        """Watches and continue tokens from before now are answered 410; open watches go on."""
        if self._store is not None:
            self._store.forget()

    def next_for(self, request: Request, *, after: bool) -> tuple[int, float | None] | None:
        """The planned status and Retry-After for `request`, once."""
        for planned in self._planned:
            if planned.left > 0 and planned.after is after and planned.predicate(request):
                planned.left -= 1
                return planned.status, planned.retry_after
        return None

    def _lose(self, kind: Kind, change: Change) -> None:
        if change.after is not None or change.before is None or self._store is None:
            return
        lost = (kind, change.before["metadata"]["name"])
        if lost in self._lost:
            self._lost.remove(lost)
            self._store.lose(kind, change.revision)
