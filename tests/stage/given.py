"""An existing cluster: kubectl and helm for one context of a kubeconfig, and for no other."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import binaries
from tests.cluster.errors import LabError


@dataclass(frozen=True, slots=True)
class GivenCluster:
    """One context. Without a kubeconfig, kubectl uses $KUBECONFIG or ~/.kube/config."""

    context: str
    kubeconfig: Path | None = None

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl and return its output; raise LabError with its error."""
        done = self.run_kubectl(*arguments, stdin=stdin)
        if done.returncode:
            raise LabError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def run_kubectl(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl, and return its result even if it fails."""
        argv = [str(binaries.path_of("kubectl")), *self.flags("--context"), *arguments]
        return subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)

    def read(self, *arguments: str) -> dict[str, Any]:
        """Get an object or a list with kubectl; empty if there is none or its kind is unknown."""
        done = self.run_kubectl("get", *arguments, "-o", "json", "--ignore-not-found")
        if done.returncode and "doesn't have a resource type" not in done.stderr:
            raise LabError(f"kubectl get {' '.join(arguments)}: {done.stderr.strip()}")
        found: dict[str, Any] = json.loads(done.stdout or "{}")
        return found

    def apply(self, *objects: dict[str, Any]) -> None:
        """Apply the objects, also over the changes of other field managers."""
        text = yaml.safe_dump_all(objects)
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)

    def may(self, verb: str, resource: str, *, namespace: str = "") -> bool:
        """Return whether the user of the context has this permission."""
        place = ("-n", namespace) if namespace else ()
        return self.run_kubectl("auth", "can-i", verb, resource, *place).stdout.strip() == "yes"

    def helm(self, *arguments: str, stdin: str | None = None) -> str:
        """Run helm and return its output; raise LabError with its error."""
        program = shutil.which("helm") or str(binaries.path_of("helm"))
        argv = [program, *self.flags("--kube-context"), *arguments]
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LabError(f"helm {arguments[0]}: {done.stderr.strip()}")
        return done.stdout

    @property
    def shown(self) -> str:
        """Return kubectl for this cluster as a shell command."""
        return shlex.join(["kubectl", *self.flags()])

    def flags(self, context: str = "--context") -> list[str]:
        """Return the flags that select this cluster."""
        file = [f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []
        return [*file, f"{context}={self.context}"]
