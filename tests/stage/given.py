"""A cluster that the user has: kubectl and helm against one context of a kubeconfig, and never against another."""

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
    """One context. Without a file kubectl's own rules hold: $KUBECONFIG, else ~/.kube/config."""

    context: str
    kubeconfig: Path | None = None

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl printed. Raises LabError with its own words."""
        done = self.asked(*arguments, stdin=stdin)
        if done.returncode:
            raise LabError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def asked(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """kubectl has run, however it ended."""
        argv = [str(binaries.path_of("kubectl")), *self.flags("--context"), *arguments]
        return subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)

    def read(self, *arguments: str) -> dict[str, Any]:
        """The object or list that `kubectl get` finds; empty when there is none or its kind is unknown."""
        done = self.asked("get", *arguments, "-o", "json", "--ignore-not-found")
        if done.returncode and "doesn't have a resource type" not in done.stderr:
            raise LabError(f"kubectl get {' '.join(arguments)}: {done.stderr.strip()}")
        found: dict[str, Any] = json.loads(done.stdout or "{}")
        return found

    def apply(self, *objects: dict[str, Any]) -> None:
        """The objects are as given, also when they were there."""
        text = yaml.safe_dump_all(objects)
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)

    def may(self, verb: str, resource: str, *, namespace: str = "") -> bool:
        """The user of the context has this right."""
        place = ("-n", namespace) if namespace else ()
        return self.asked("auth", "can-i", verb, resource, *place).stdout.strip() == "yes"

    def helm(self, *arguments: str, stdin: str | None = None) -> str:
        """What helm printed. Raises LabError with its own words."""
        program = shutil.which("helm") or str(binaries.path_of("helm"))
        argv = [program, *self.flags("--kube-context"), *arguments]
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LabError(f"helm {arguments[0]}: {done.stderr.strip()}")
        return done.stdout

    @property
    def shown(self) -> str:
        """kubectl for this cluster, as the user may paste it into a shell."""
        return shlex.join(["kubectl", *self.flags()])

    def flags(self, context: str = "--context") -> list[str]:
        """What a command needs to speak to this cluster."""
        file = [f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []
        return [*file, f"{context}={self.context}"]
