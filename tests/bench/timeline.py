"""When what was awaited could be seen by anybody who watches: the moments of a run, by milestone and object."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from seatrial.api.kinds import Kind
from seatrial.api.objects import Body
from seatrial.kube.client import Selection
from seatrial.kube.informers import Informer, InformerConfig
from tests.live.cluster_user import ClusterUser

Milestone = Callable[[Kind, Body], str | None]
"""Which object has reached the milestone, as this body shows; None when it shows nothing of the kind."""


class Timeline:
    """The first moment at which each object was seen at each milestone, in seconds of the monotonic clock."""

    def __init__(self) -> None:
        self._milestones: dict[str, Milestone] = {}
        self._reached: dict[tuple[str, str], float] = {}
        self._awaited: dict[str, tuple[set[str], asyncio.Future[None]]] = {}

    def hear(self, kind: Kind, body: Body) -> None:
        """A change was seen."""
        for milestone, of in self._milestones.items():
            name = of(kind, body)
            if name is not None and (milestone, name) not in self._reached:
                self._reached[milestone, name] = time.monotonic()
                self._tick(milestone, name)

    def watch_for(self, **milestones: Milestone) -> None:
        """From now on these are noted, and all that was noted under their names is forgotten."""
        self._milestones.update(milestones)
        self._reached = {key: at for key, at in self._reached.items() if key[0] not in milestones}

    async def all(self, milestone: str, names: Iterable[str], *, patience: float = 300.0) -> None:
        """Every one of these objects has reached the milestone."""
        left = {name for name in names if (milestone, name) not in self._reached}
        if not left:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._awaited[milestone] = (left, done)
        try:
            await asyncio.wait_for(done, patience)
        except TimeoutError:
            some = ", ".join(sorted(left)[:5])
            raise AssertionError(f"{len(left)} objects never were at '{milestone}': {some} …") from None

    def at(self, milestone: str, name: str) -> float:
        """When the object reached the milestone."""
        return self._reached[milestone, name]

    def _tick(self, milestone: str, name: str) -> None:
        left, done = self._awaited.get(milestone, (set(), None))
        left.discard(name)
        if done is not None and not left and not done.done():
            done.set_result(None)


@asynccontextmanager
async def watched(user: ClusterUser, *kinds: Kind) -> AsyncIterator[Timeline]:
    """A timeline that hears of these kinds in the namespace of the user."""
    timeline = Timeline()
    copies = [_informer(user, kind, timeline) for kind in kinds]
    tasks = [asyncio.create_task(copy.run()) for copy in copies]
    try:
        await asyncio.gather(*(copy.synced.wait() for copy in copies))
        yield timeline
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _informer(user: ClusterUser, kind: Kind, timeline: Timeline) -> Informer:
    def hear(event: str, body: Body) -> None:
        if event != "DELETED":
            timeline.hear(kind, body)

    config = InformerConfig(time.monotonic)
    return Informer(user.client, kind, hear, config=config, selection=Selection(user.namespace))
