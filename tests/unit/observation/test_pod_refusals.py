"""Which sentences of the API server are about what pods contain, and which about what may come or go."""

from __future__ import annotations

import pytest

from seatrial.api.reasons import Reason
from seatrial.observation import pod_refusals

HEAD = 'pods "churn-9f3c2a71d0-" is forbidden: '
BY_REASON = {
    Reason.QUOTA_EXCEEDED: (
        HEAD + "exceeded quota: small, requested: pods=1, used: pods=3, limited: pods=3",
        HEAD + "failed quota: small: must specify limits.cpu for: server",
    ),
    Reason.POD_REJECTED: (
        HEAD
        + 'violates PodSecurity "restricted:latest": runAsUser=0 (container "server" must not set runAsUser=0)',
        HEAD + "ValidatingAdmissionPolicy 'registries' with binding 'all' denied request: another registry",
        'admission webhook "validation.gatekeeper.sh" denied the request: [labels] you must provide: team',
        'admission webhook "validate.kyverno.svc-fail" denied the request: \n\npolicy Pod/shop/x for resource',
        'admission webhook "x.io" denied the request without explanation',
        HEAD + "maximum cpu usage per Container is 500m, but limit is 1",
        HEAD
        + "[minimum memory usage per Pod is 1Gi, but request is 512Mi, maximum cpu usage per Container is 1]",
        HEAD + "cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000",
        'Pod "churn-x" is invalid: spec.containers[0].resources.requests: Invalid value: "2": must be less than',
    ),
    Reason.POD_CREATION_FAILED: (
        HEAD + 'error looking up service account shop/model: serviceaccount "model" not found',
        HEAD + "no PriorityClass with name high was found",
        HEAD + 'pod rejected: RuntimeClass "gvisor" not found',
        'Internal error occurred: failed calling webhook "pods.mesh.io": context deadline exceeded',
        HEAD + "unable to create new content in namespace shop because it is being terminated",
        HEAD + "not yet ready to handle request",
        "etcdserver: request timed out",
        "",
    ),
}


@pytest.mark.parametrize(
    ("reason", "message"), [(reason, text) for reason, texts in BY_REASON.items() for text in texts]
)
def test_a_refusal_has_the_reason_that_follows_from_its_sentence(reason: Reason, message: str) -> None:
    assert pod_refusals.reason_of(message) is reason
