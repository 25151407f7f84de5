"""The story's stage in a cluster that the user has: models in ConfigMaps, users in a pod."""

from __future__ import annotations

import shlex
from typing import Any, Final

from tests.cluster import progress
from tests.cluster.errors import LabError
from tests.demo.arguments import Wanted
from tests.stage import guest, models, place, preconditions
from tests.stage.crowd import Crowd
from tests.stage.given import GivenCluster
from tests.stage.guest import Guest

PATIENCE: Final = 2.0
"""Several nodes pull each image, through networks that are not a loopback."""


class OnCluster:
    """The demo's namespace in the user's cluster."""

    def __init__(self, inner: Guest) -> None:
        self._inner = inner
        self.build = inner.build
        self.patience = PATIENCE

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl printed, in the demo's namespace."""
        return self._inner.kubectl(*arguments, stdin=stdin)

    def apply(self, name: str, spec: dict[str, Any]) -> None:
        """The ModelDeployment asks for this spec."""
        self._inner.apply(name, spec)

    def put_model(self, path: str, data: bytes) -> dict[str, Any]:
        """The file is in a ConfigMap; the `spec.model` that fetches it."""
        return self._inner.put_model(path, data)

    def users(self, name: str, body: bytes, *, rate: float) -> Crowd:
        """Users in a pod."""
        return self._inner.users(name, body, rate=rate)

    def look_around(self, name: str) -> str:
        """Commands for the user's own shell."""
        cluster = self._inner.cluster
        kubectl = f"{cluster.shown} -n {self._inner.namespace}"
        return f"""Look around:
  {kubectl} get mdep -w
  {kubectl} get mdep {name} -o yaml
  {kubectl} get deployments,pods,services,jobs,events
  {kubectl} port-forward service/{name} 8080:80 &
  curl -s -H 'content-type: application/json' -d '{models.request_body().decode()}' http://127.0.0.1:8080/predict
Take it down:
  {take_down(cluster)}"""


def prepared(wanted: Wanted, cluster: GivenCluster) -> OnCluster:
    """The stage, once nothing is missing any more. Raises LabError."""
    where = place.place_of(
        wanted.registry,
        wanted.pull_registry,
        ca_file=wanted.registry_ca,
        plain_http=wanted.plain_http,
        docker=wanted.docker,
    )
    return OnCluster(guest.prepared(cluster, where))


def removed(cluster: GivenCluster) -> None:
    """Nothing of a demo is left there, and what went was said."""
    preconditions.context_known(cluster)
    preconditions.answers(cluster)
    gone = guest.remove(cluster, with_crds=True)
    progress.say(f"gone: {', '.join(gone)}" if gone else "there was nothing of a demo")


def take_down(cluster: GivenCluster) -> str:
    """The command that removes all of it."""
    file = [f"KUBECONFIG={cluster.kubeconfig}"] if cluster.kubeconfig else []
    return shlex.join(["make", "demo-down", f"CONTEXT={cluster.context}", *file])


def failure(cluster: GivenCluster, error: Exception) -> LabError:
    """The error, with the command that removes what was made before it."""
    return LabError(f"{error}\nTo remove what it made: {take_down(cluster)}")
