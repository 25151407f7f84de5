"""Check that one of the operators behind the Service is the leader; `helm test` runs it in the operator's image."""

import sys
import time
import urllib.error
import urllib.request

TIMEOUT = 60.0


def is_leader(metrics: str) -> bool:
    """Return whether the metrics are those of the leader."""
    return "seatrial_leader 1.0" in metrics.splitlines()


def check(url: str, *, timeout: float = TIMEOUT) -> str:
    """Return an error message, empty on success. Every new connection may reach another operator."""
    deadline, error = time.monotonic() + timeout, f"{url} was not requested"
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - the chart sets the URL
                if is_leader(response.read().decode()):
                    return ""
            error = "the operators respond, but none of them is the leader"
        except (urllib.error.URLError, OSError) as failure:
            error = f"{url} does not respond: {failure}"
        time.sleep(0.5)
    return error


if __name__ == "__main__":
    sys.exit(check(sys.argv[1]) or 0)  # sys.exit would report any string as a failure, even an empty one
