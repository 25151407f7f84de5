"""The operator, killed by its own hand in the middle: `python -m tests.live.dying … ` with two more variables.

SEATRIAL_DIES_FOR names an object; SEATRIAL_DIES_AT is the number, from 1, of the write about it that is not sent
any more: the process is gone as with kill -9.
"""

from __future__ import annotations

import os
import signal
from typing import Final

from seatrial import main
from seatrial.kube import http
from seatrial.kube.transport import Request, Response

NAME: Final = "SEATRIAL_DIES_FOR"
NUMBER: Final = "SEATRIAL_DIES_AT"


class DyingTransport(http.HttpTransport):
    """Carries requests until the one that is never sent."""

    def __init__(self, login: http.Login) -> None:
        super().__init__(login)
        self._name = os.environ[NAME]
        self._left = int(os.environ[NUMBER])

    async def request(self, request: Request) -> Response:
        """The server's answer, or the end of this process."""
        if request.method != "GET" and self._is_about(request):
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return await super().request(request)

    def _is_about(self, request: Request) -> bool:
        return self._name in request.path or self._name.encode() in (request.body or b"")


if __name__ == "__main__":
    http.HttpTransport = DyingTransport  # type: ignore[misc,assignment] # this process alone carries requests so
    main.main()
