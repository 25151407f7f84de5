"""The story's stage on a node that the lab starts: models in its object store, users beside it."""

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
    """The lab's node, with an operator and one namespace of it."""

    inner: install.Stage
    build: dict[str, Any] = field(default_factory=dict)
    patience: float = 1.0

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl printed, in the demo's namespace."""
        return self.inner.kubectl(*arguments, stdin=stdin)

    def apply(self, name: str, spec: dict[str, Any]) -> None:
        """The ModelDeployment asks for this spec."""
        self.inner.apply(name, spec)

    def put_model(self, path: str, data: bytes) -> dict[str, Any]:
        """The file is in the object store; the `spec.model` that fetches its folder."""
        return {"uri": self.inner.put_model(path, data), "credentials": {"secretName": install.CREDENTIALS}}

    @contextmanager
    def users(self, name: str, body: bytes, *, rate: float) -> Iterator[Users]:
        """Users on this machine, each of whose connections is a new one inside the node."""
        address = self._address(name)
        reached(address)
        with Users(address, body, rate=rate) as users:
            yield users

    def look_around(self, name: str) -> str:
        """Commands for the user's own shell."""
        return f"""Look around:
  export KUBECONFIG={self.inner.lab.kubeconfig}
  kubectl -n {NAMESPACE} get mdep -w
  kubectl -n {NAMESPACE} get mdep {name} -o yaml
  kubectl -n {NAMESPACE} get deployments,pods,services,jobs,events
  curl -s -H 'content-type: application/json' -d '{models.request_body().decode()}' \\
    http://{self._address(name)}/predict
Take it down:
  make lab-down NAME={LAB}"""

    def _address(self, name: str) -> str:
        return self.inner.lab.service_address(NAMESPACE, name)


def prepared() -> OnLab:
    """A real node with Seatrial in it, and nothing of an earlier demo."""
    lab = cluster.up_node(LAB)
    install.operator(lab)
    if lab.kubectl("get", "namespace", NAMESPACE, "--ignore-not-found", "-o", "name"):
        with progress.step(f"removing namespace {NAMESPACE} of an earlier demo"):
            lab.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=120s")
    return OnLab(install.namespace(lab, NAMESPACE))
