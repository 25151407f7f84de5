"""A fake API server with the semantics of a real one, and the controllers that stories need."""

from tests.apiserver.faults import Crash, Faults, Write
from tests.apiserver.server import FakeApiServer

__all__ = ["Crash", "FakeApiServer", "Faults", "Write"]
