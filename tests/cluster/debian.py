"""Programs that Debian has: found, or installed by apt where root may do so."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.cluster import cache, progress, versions
from tests.cluster.errors import LabError

POLICY = Path("/usr/sbin/policy-rc.d")
LOCK_PATIENCE = 300  # seconds
FORBID = "#!/bin/sh\n# the lab installs programs, not services of this machine\nexit 101\n"


def ensure(*programs: str) -> None:
    """Every program can be started. Raises LabError naming the packages that are missing."""
    missing = packages_of(programs)
    if not missing:
        return
    command = f"apt-get install -y --no-install-recommends {' '.join(missing)}"
    if os.geteuid() != 0:
        raise LabError(f"missing Debian packages; as root: {command}")
    if not shutil.which("apt-get"):
        raise LabError(f"missing programs and no apt-get here; install what these packages have: {missing}")
    with cache.locked(cache.root() / ".apt.lock"):  # a run beside this one may want the same
        if packages_of(programs):
            with progress.step(f"installing {', '.join(missing)}"), _services_stay_down():
                _install(command)
    if missing := packages_of(programs):
        raise LabError(f"apt-get installed {', '.join(missing)}, but not the programs; is this Debian 12?")


def packages_of(programs: Iterable[str]) -> list[str]:
    """The packages of the programs that are not here."""
    return sorted({versions.DEBIAN[program] for program in programs if not _found(program)})


def _found(program: str) -> bool:
    return bool(shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin"))


def _install(command: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    wait = ["-o", f"DPkg::Lock::Timeout={LOCK_PATIENCE}"]  # another apt may be at work on this machine
    for argv in (["apt-get", *wait, "update", "-q"], ["apt-get", *wait, *command.split()[1:]]):
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"`{command}` failed; apt says:\n{(done.stdout + done.stderr)[-1500:]}")


@contextlib.contextmanager
def _services_stay_down() -> Iterator[None]:
    """Packages installed in the body do not start their services, and the machine's own policy is kept."""
    if POLICY.exists() and POLICY.read_text() != FORBID:  # else ours, left by a lab that was killed
        yield
        return
    POLICY.write_text(FORBID)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
