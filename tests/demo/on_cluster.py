"""The demo on an existing cluster: models in ConfigMaps, the load generator in a pod."""

from __future__ import annotations

import shlex
from typing import Any, Final

from tests.cluster import progress
from tests.cluster.errors import LabError
from tests.demo.arguments import Options
from tests.stage import guest, models, preconditions
from tests.stage.crowd import Crowd
from tests.stage.given import GivenCluster
from tests.stage.guest import Guest
from tests.stage.registry_location import registry_location

PATIENCE: Final = 2.0
"""Factor on the time limits: several nodes pull each image, over a real network."""


class OnCluster:
    """The demo's namespace in an existing cluster."""

    def __init__(self, inner: Guest) -> None:
        self._inner = inner
        self.build = inner.build
        self.patience = PATIENCE

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl in the demo's namespace, and return its output."""
        return self._inner.kubectl(*arguments, stdin=stdin)

    def apply(self, name: str, spec: dict[str, Any]) -> None:
        """Apply a ModelDeployment with this spec."""
        self._inner.apply(name, spec)

    def put_model(self, path: str, data: bytes) -> dict[str, Any]:
        """Store the file in a ConfigMap, and return the `spec.model` that fetches it."""
        return self._inner.put_model(path, data)

    def users(self, name: str, body: bytes, *, rate: float) -> Crowd:
        """Return the load generator, which runs in a pod."""
        return self._inner.users(name, body, rate=rate)

    def look_around(self, name: str) -> str:
        """Return commands that show the demo's objects and remove them."""
        cluster = self._inner.cluster
        kubectl = f"{cluster.shown} -n {self._inner.namespace}"
        return f"""Look around:
  {kubectl} get mdep -w
  {kubectl} get mdep {name} -o yaml
  {kubectl} get deployments,pods,services,jobs,events
  {kubectl} port-forward service/{name} 8080:80 &
  curl -s -H 'content-type: application/json' -d '{models.request_body().decode()}' http://127.0.0.1:8080/predict
Remove the demo:
  {removal_command(cluster)}"""


def prepare(options: Options, cluster: GivenCluster) -> OnCluster:
    """Prepare the cluster; raise LabError if something is missing."""
    where = registry_location(
        options.registry,
        options.pull_registry,
        ca_file=options.registry_ca,
        plain_http=options.plain_http,
        docker=options.docker,
    )
    return OnCluster(guest.prepare(cluster, where))


def remove(cluster: GivenCluster) -> None:
    """Remove everything that the demo created, and print what was removed."""
    preconditions.check_context(cluster)
    preconditions.check_version(cluster)
    removed = guest.remove(cluster, with_crds=True)
    progress.say(f"removed {', '.join(removed)}" if removed else "nothing to remove: the cluster has no demo")


def removal_command(cluster: GivenCluster) -> str:
    """Return the command that removes the demo."""
    file = [f"KUBECONFIG={cluster.kubeconfig}"] if cluster.kubeconfig else []
    return shlex.join(["make", "demo-down", f"CONTEXT={cluster.context}", *file])


def with_removal_command(cluster: GivenCluster, error: Exception) -> LabError:
    """Return the error with the command that removes what the demo created."""
    return LabError(f"{error}\nTo remove the demo: {removal_command(cluster)}")
