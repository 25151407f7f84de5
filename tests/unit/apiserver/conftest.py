"""The fixtures of the client's unit tests: a fake API server in virtual time."""

from __future__ import annotations

from tests.unit.kube.conftest import api, client

__all__ = ["api", "client"]
