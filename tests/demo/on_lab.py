"""The demo on a node that the lab starts: models in its object store, the load generator on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from tests import cluster
from tests.cluster import progress
from tests.stage import install, models
from tests.stage.load import Users, reached

LAB: Final = "demo"
NAMESPACE: Final = "shop"


@dataclass(frozen=True, slots=True)
class OnLab:
    """The lab's node with an operator, and the demo's namespace in it."""

    inner: install.Stage
    build: dict[str, Any] = field(default_factory=dict)
    patience: float = 1.0

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl in the demo's namespace, and return its output."""
        return self.inner.kubectl(*arguments, stdin=stdin)

    def apply(self, name: str, spec: dict[str, Any]) -> None:
        """Apply a ModelDeployment with this spec."""
        self.inner.apply(name, spec)

    def put_model(self, path: str, data: bytes) -> dict[str, Any]:
        """Store the file in the object store, and return the `spec.model` that fetches its directory."""
        return {"uri": self.inner.put_model(path, data), "credentials": {"secretName": install.CREDENTIALS}}

    @contextmanager
    def users(self, name: str, body: bytes, *, rate: float) -> Iterator[Users]:
        """Run the load generator on this machine, once the Service answers."""
        address = self._address(name)
        reached(address)
        with Users(address, body, rate=rate) as users:
            yield users

    def look_around(self, name: str) -> str:
        """Return commands that show the demo's objects and remove them."""
        return f"""Look around:
  export KUBECONFIG={self.inner.lab.kubeconfig}
  kubectl -n {NAMESPACE} get mdep -w
  kubectl -n {NAMESPACE} get mdep {name} -o yaml
  kubectl -n {NAMESPACE} get deployments,pods,services,jobs,events
  curl -s -H 'content-type: application/json' -d '{models.request_body().decode()}' \\
    http://{self._address(name)}/predict
Remove the demo:
  make lab-down NAME={LAB}"""

    def _address(self, name: str) -> str:
        return self.inner.lab.service_address(NAMESPACE, name)


def prepare() -> OnLab:
    """Start the lab's node, install Seatrial, and remove an earlier demo."""
    lab = cluster.up_node(LAB)
    install.operator(lab)
    if lab.kubectl("get", "namespace", NAMESPACE, "--ignore-not-found", "-o", "name"):
        with progress.step(f"removing the namespace {NAMESPACE} of an earlier demo"):
            lab.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=120s")
    return OnLab(install.namespace(lab, NAMESPACE))
