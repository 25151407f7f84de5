"""kubectl against one cluster, for the few objects that the lab itself puts there."""

import os
import subprocess
import time
from pathlib import Path

from tests.cluster import binaries, cache
from tests.cluster.errors import LabError


def run(kubeconfig: Path, *arguments: str, stdin: str | None = None) -> str:
    """What kubectl printed. Raises LabError with its own words."""
    argv = [str(binaries.path_of("kubectl")), f"--kubeconfig={kubeconfig}", *arguments]
    done = subprocess.run(
        argv, input=stdin, capture_output=True, text=True, check=False, env=environment_for(kubeconfig)
    )
    if done.returncode:
        raise LabError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def environment_for(kubeconfig: Path) -> dict[str, str]:
    """This process's, and what kubectl remembers of a lab is kept in the lab: another may have its port later."""
    if kubeconfig.absolute().parent.parent != cache.labs():
        return dict(os.environ)
    return {**os.environ, "KUBECACHEDIR": str(kubeconfig.absolute().parent / "kubectl")}


def apply(kubeconfig: Path, objects: str) -> None:
    """The objects (YAML or JSON) are as given, also when they were there."""
    run(
        kubeconfig,
        "apply",
        "--server-side",
        "--force-conflicts",
        "--validate=false",
        "-f",
        "-",
        stdin=objects,
    )


def wait(kubeconfig: Path, *arguments: str, seconds: float) -> str:
    """What kubectl prints once it succeeds and prints something."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if printed := run(kubeconfig, *arguments).strip():
                return printed
            said = "nothing yet"
        except LabError as error:
            said = str(error)
        if time.monotonic() > deadline:
            raise LabError(f"waited {seconds:.0f} s for `kubectl {' '.join(arguments)}`: {said}")
        time.sleep(0.1)
