"""Lines on standard error that say what the lab is doing and for how long."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

HEARTBEAT = 15.0  # seconds between two signs of life of one long step


def say(line: str) -> None:
    """The line stands on standard error."""
    print(f"· {line}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(what: str, *, about: int = 0) -> Iterator[None]:
    """While the body runs, its name and seconds are shown; `about` is how long it takes as a rule."""
    begun, over = time.monotonic(), threading.Event()
    say(f"{what}{f' (about {about} s)' if about else ''}")
    beat = threading.Thread(target=_beat, args=(what, begun, over), daemon=True)
    beat.start()
    try:
        yield
    finally:
        over.set()
        beat.join()
    say(f"{what}: {time.monotonic() - begun:.1f} s")


def _beat(what: str, begun: float, over: threading.Event) -> None:
    while not over.wait(HEARTBEAT):
        say(f"{what} … {time.monotonic() - begun:.0f} s")
