"""What processes cost: seconds of a core and memory, by /proc; and what an API server says it has written."""

from __future__ import annotations

import os
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


async def server_writes(user: ClusterUser) -> int:
    """How many writes the API server has answered since its start, whoever sent them, leases apart."""
    page = (await user.client.raw_get("/metrics")).decode()
    wanted = "\n".join(line for line in page.splitlines() if line.startswith("apiserver_request_total"))
    found = 0.0
    for family in parser.text_string_to_metric_families(f"# TYPE apiserver_request counter\n{wanted}\n"):
        for sample in family.samples:
            of_nobody = sample.labels["resource"] in OF_NOBODY or not sample.labels["code"].startswith("2")
            if sample.labels["verb"] in WRITE_VERBS and not of_nobody:
                found += sample.value
    return int(found)
