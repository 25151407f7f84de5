"""When pods that were refused at admission are asked for again.

The ReplicaSet controller waits as long again as it has waited already, up to 17 minutes, and nothing tells it that a
quota was raised or a webhook is back. A changed annotation of the Deployment makes it try at once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from seatrial.core.snapshot import Track

OFTEN: Final = timedelta(seconds=15)
OFTEN_FOR: Final = timedelta(minutes=10)
SELDOM: Final = timedelta(minutes=5)


def last_retry_at(track: Track, now: datetime) -> datetime | None:
    """Return the last moment at which the refused pods of a track were due; None where none is refused."""
    since = None if track.diagnosis is None else track.diagnosis.since
    if since is None or now < since + OFTEN:
        return None
    return since + _interval(since, now) * ((now - since) // _interval(since, now))


def next_retry_at(track: Track, now: datetime) -> datetime | None:
    """Return the next moment at which they are due."""
    since = None if track.diagnosis is None else track.diagnosis.since
    if since is None or now < since:
        return since and since + OFTEN
    return (last_retry_at(track, now) or since) + _interval(since, now)


def _interval(since: datetime, now: datetime) -> timedelta:
    return OFTEN if now < since + OFTEN_FOR else SELDOM
