"""The specs that stories apply, and the behaviour of their builds and pods."""

from __future__ import annotations

from typing import Any

from model_runtime import contract
from seatrial.api import settings
from seatrial.api.objects import Body
from tests.apiserver import pod_behaviour
from tests.apiserver.pod_behaviour import Behaviour, BuildBehaviour, Building, Serving, image_of

RUNTIMES = {
    name: f"registry.lab:5000/runtime-{name}@sha256:{'0' * 64}" for name in ("sklearn", "xgboost", "onnx")
}
SETTINGS = settings.Settings.model_validate(
    {"runtimes": RUNTIMES, "registry": {"repository": "registry.lab:5000/models"}}
)
DECISION_POLICY_BINDING = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicyBinding",
    "metadata": {"name": "seatrial-decisions"},
    "spec": {"policyName": "seatrial-decisions", "validationActions": ["Deny"]},
}
"""The binding of the chart's admission policy, which verifies the authors of decisions."""
SHORT_STEPS = [{"weight": 25, "hold": "10s"}, {"weight": 50, "hold": "10s"}]
"""Steps for stories that are replayed many times."""


def image(version: str) -> str:
    """Return the prebuilt image of a version."""
    return f"registry.lab:5000/{version}@sha256:{version.encode().hex().ljust(64, '0')[:64]}"


def spec(version: str = "v1", *, replicas: int = 3, **rollout: Any) -> Body:
    """Return a spec with the prebuilt image of `version` and two steps of one minute."""
    return {
        "model": {"image": image(version)},
        "scaling": {"replicas": replicas},
        "rollout": {
            "steps": [{"weight": 25, "hold": "1m"}, {"weight": 50, "hold": "1m"}],
            "progressDeadline": "5m",
            **rollout,
        },
    }


def spec_to_build(version: str = "1", *, replicas: int = 3, **serving: Any) -> Body:
    """Return a spec with the source of `version`, whose image has to be built first."""
    return {
        **spec(replicas=replicas),
        "model": {"uri": f"s3://models/churn/{version}/"},
        "serving": serving,
    }


def build_request_of(pod: Body) -> contract.BuildRequest:
    """Return the build request in a build pod's environment."""
    return contract.BuildRequest.from_json(pod_behaviour.environment_of(pod)[contract.BUILD_REQUEST_VARIABLE])


def successful_builds(pod: Body) -> BuildBehaviour:
    """Let every build succeed after three seconds with an image of its own."""
    return BuildBehaviour(seconds=3, message=successful_report(pod).to_json())


def successful_report(pod: Body, *, cached: bool = False) -> contract.BuildReport:
    """Return the report of a successful build in this pod."""
    request = build_request_of(pod)
    return contract.BuildReport(
        image=f"{request.repository}@sha256:{request.build_id.ljust(64, '0')}",
        model_digest="sha256:" + "1" * 64,
        format="skops",
        cached=cached,
    )


def failing_builds(reason: str, message: str = "it does not work") -> Building:
    """Let every build fail with this reason."""
    report = contract.BuildReport(reason=reason, message=message).to_json()
    return lambda _pod: BuildBehaviour(seconds=3, message=report, exit_code=1)


def failing_pods(version: str, behaviour: Behaviour) -> Serving:
    """Give the pods of this version this behaviour; let all others become ready."""
    return lambda pod: behaviour if f"/{version}@" in image_of(pod) else Behaviour()
