"""The cluster's controllers that stories need, running in the event loop's time."""

from __future__ import annotations

from tests.apiserver import pod_behaviour
from tests.apiserver.autoscaler_controller import SYNC_SECONDS, AutoscalerController
from tests.apiserver.deployment_controller import DeploymentController
from tests.apiserver.job_controller import JobController
from tests.apiserver.kubelet import Kubelet
from tests.apiserver.pod_behaviour import Building, PodRejection, Serving
from tests.apiserver.server import FakeApiServer


class ControllerManager:
    """Runs the controllers of Deployments, Jobs and autoscalers of `server`, and a kubelet for its pods.

    `serving` and `building` choose the behaviour of pods; `rejection` stands for quota and admission. All three may
    be replaced later through `kubelet` and the controllers; they apply to pods created from then on.
    """

    def __init__(
        self,
        server: FakeApiServer,
        *,
        serving: Serving = pod_behaviour.ready_pods,
        building: Building = pod_behaviour.silent_builds,
        rejection: PodRejection = pod_behaviour.admit_all,
        autoscaler_seconds: float = SYNC_SECONDS,
    ) -> None:
        self.kubelet = Kubelet(server, serving=serving, building=building)
        self.deployments = DeploymentController(server, rejection=rejection)
        self.jobs = JobController(server, rejection=rejection)
        self.autoscalers = AutoscalerController(server, seconds=autoscaler_seconds)
