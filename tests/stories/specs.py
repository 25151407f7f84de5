"""What stories apply, and how their builds and pods behave."""

from __future__ import annotations

from typing import Any

from model_runtime import contract
from seatrial.api import settings
from seatrial.api.objects import Body
from tests.apiserver.pod_behaviour import Behaviour, BuildBehaviour, Building, Serving, image_of

RUNTIMES = {
    name: f"registry.lab:5000/runtime-{name}@sha256:{'0' * 64}" for name in ("sklearn", "xgboost", "onnx")
}
SETTINGS = settings.Settings.model_validate(
    {"runtimes": RUNTIMES, "registry": {"repository": "registry.lab:5000/models"}}
)


def image(version: str) -> str:
    """A given image of a version."""
    return f"registry.lab:5000/{version}@sha256:{version.encode().hex().ljust(64, '0')[:64]}"


def spec(version: str = "v1", *, replicas: int = 3, **rollout: Any) -> Body:
    """A spec with a given image of `version`."""
    return {
        "model": {"image": image(version)},
        "scaling": {"replicas": replicas},
        "rollout": {
            "steps": [{"weight": 25, "hold": "1m"}, {"weight": 50, "hold": "1m"}],
            "progressDeadline": "5m",
            **rollout,
        },
    }


def built(version: str = "1", *, replicas: int = 3, **serving: Any) -> Body:
    """A spec whose model of `version` has to be built first."""
    return {
        **spec(replicas=replicas),
        "model": {"uri": f"s3://models/churn/{version}/"},
        "serving": serving,
    }


def request_of(pod: Body) -> contract.BuildRequest:
    """What a build's pod was asked to make."""
    return contract.BuildRequest.from_json(pod_behaviour.environment_of(pod)[contract.BUILD_REQUEST_VARIABLE])


def good_builds(pod: Body) -> BuildBehaviour:
    """Every build takes three seconds and succeeds with an image of its own."""
    return BuildBehaviour(seconds=3, message=good_report(pod).to_json())


def good_report(pod: Body, *, cached: bool = False) -> contract.BuildReport:
    """The report of a build that succeeded."""
    request = request_of(pod)
    return contract.BuildReport(
        image=f"{request.repository}@sha256:{request.build_id.ljust(64, '0')}",
        model_digest="sha256:" + "1" * 64,
        format="skops",
        cached=cached,
    )


def failing_build(reason: str, message: str = "it does not work") -> Building:
    """Every build ends with this reason."""
    report = contract.BuildReport(reason=reason, message=message).to_json()
    return lambda _pod: BuildBehaviour(seconds=3, message=report, exit_code=1)


def sick(version: str, behaviour: Behaviour) -> Serving:
    """Pods of this version behave so, all others get ready."""
    return lambda pod: behaviour if f"/{version}@" in image_of(pod) else Behaviour()


QUICK = [{"weight": 25, "hold": "10s"}, {"weight": 50, "hold": "10s"}]
"""Steps for stories that are played many times."""
