"""Ends well once an operator behind the Service says that it leads; run by `helm test` in the operator's image."""

import sys
import time
import urllib.error
import urllib.request

LONGEST_WAIT = 60.0


def leads(text: str) -> bool:
    """Whether the metrics are those of the operator that works."""
    return "seatrial_leader 1.0" in text.splitlines()


def check(url: str, *, patience: float = LONGEST_WAIT) -> str:
    """Empty when all is well, else what is wrong: every new connection may reach another of the operators."""
    deadline, found = time.monotonic() + patience, "nobody was asked"
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - the chart names the address
                if leads(answer.read().decode()):
                    return ""
            found = "an operator answers, and none that was reached has the lease"
        except (urllib.error.URLError, OSError) as error:
            found = f"{url} does not answer: {error}"
        time.sleep(0.5)
    return found


if __name__ == "__main__":
    sys.exit(check(sys.argv[1]) or 0)  # a text, an empty one too, would be a failure
