"""An operator that kills itself before a given write: run `python -m tests.live.crashing_operator` in its place.

SEATRIAL_CRASH_OBJECT names an object. SEATRIAL_CRASH_WRITE is the number, from 1, of the write about that object
before which the process sends itself SIGKILL.
"""

from __future__ import annotations

import os
import signal
from typing import Final

from seatrial import main
from seatrial.kube import http
from seatrial.kube.transport import Request, Response

OBJECT_VARIABLE: Final = "SEATRIAL_CRASH_OBJECT"
WRITE_VARIABLE: Final = "SEATRIAL_CRASH_WRITE"


class CrashingTransport(http.HttpTransport):
    """Send requests until the write that kills the process."""

    def __init__(self, login: http.Login) -> None:
        super().__init__(login)
        self._name = os.environ[OBJECT_VARIABLE]
        self._writes_left = int(os.environ[WRITE_VARIABLE])

    async def request(self, request: Request) -> Response:
        """Return the server's response, or kill this process."""
        if request.method != "GET" and self._is_about(request):
            self._writes_left -= 1
            if self._writes_left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return await super().request(request)

    def _is_about(self, request: Request) -> bool:
        return self._name in request.path or self._name.encode() in (request.body or b"")


if __name__ == "__main__":
    http.HttpTransport = CrashingTransport  # type: ignore[misc,assignment] # only this process uses the crashing transport
    main.main()
