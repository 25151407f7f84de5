"""A fake API server with true semantics, and the few controllers that stories need."""

from tests.apiserver.faults import Crash, Faults, Write
from tests.apiserver.server import FakeApiServer

__all__ = ["Crash", "FakeApiServer", "Faults", "Write"]
