"""A fake API server with true semantics, and the few controllers that stories need."""

from seatrial.kube.fake.faults import Crash, Faults, Write
from seatrial.kube.fake.server import FakeApiServer

__all__ = ["Crash", "FakeApiServer", "Faults", "Write"]
