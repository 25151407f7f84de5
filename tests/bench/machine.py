"""What processes cost: seconds of a core and memory, by /proc; and what an API server says it has written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prometheus_client import parser

from tests import cluster
from tests.live.cluster_user import ClusterUser

TICKS: Final = os.sysconf("SC_CLK_TCK")
MIB: Final = 2**20
WRITE_VERBS: Final = frozenset({"POST", "PUT", "PATCH", "APPLY", "DELETE"})
OF_NOBODY: Final = frozenset({"leases", "subjectaccessreviews", "tokenreviews"})
"""What is written without end, whoever works."""


def cpu_seconds(pid: int) -> float:
    """Seconds of a core that the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident(pid: int) -> float:
    """MiB of memory that the process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


def pid_of(lab: cluster.Lab, program: str) -> int:
    """The process of this name in the lab."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if program in words[:2] and any(str(lab.folder) in word for word in words):
            return int(folder.name)
    raise LookupError(f"no process '{program}' in the lab {lab.name}")


@dataclass(frozen=True, slots=True)
class ServerWrites:
    """How many writes an API server has answered since its start, whoever sent them, leases apart."""

    carried_out: int
    failed: int
    """Those that it could not carry out, was too busy for, or whose client did not wait."""


async def server_writes(user: ClusterUser) -> ServerWrites:
    """Return the writes of the API server, as it counts them itself."""
    page = (await user.client.raw_get("/metrics")).decode()
    wanted = "\n".join(line for line in page.splitlines() if line.startswith("apiserver_request_total"))
    by_code: Counter[str] = Counter()
    for family in parser.text_string_to_metric_families(f"# TYPE apiserver_request counter\n{wanted}\n"):
        for sample in family.samples:
            if sample.labels["verb"] in WRITE_VERBS and sample.labels["resource"] not in OF_NOBODY:
                by_code[sample.labels["code"]] += int(sample.value)
    return ServerWrites(
        carried_out=sum(count for code, count in by_code.items() if code.startswith("2")),
        failed=sum(count for code, count in by_code.items() if code[0] in "05" or code == "429"),
    )


@contextmanager
def busy_neighbour() -> Iterator[None]:
    """Let other processes use every core as much as they get, until the end of the block."""
    command = [sys.executable, "-c", "while True: pass"]
    neighbours = [subprocess.Popen(command) for _ in os.sched_getaffinity(0)]
    try:
        yield
    finally:
        for neighbour in neighbours:
            neighbour.kill()
            neighbour.wait()
