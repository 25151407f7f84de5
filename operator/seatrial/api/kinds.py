"""The kinds of objects that the operator reads and writes, and their paths on an API server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from seatrial.api import names
from seatrial.api.objects import Body


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of one API version. `group` is empty for the core group."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """The `apiVersion` of objects of this kind."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the URL path of an object or its subresource; of the collection if `name` is empty.

        An empty `namespace` means the collection of all namespaces.
        """
        root = f"/apis/{self.group}" if self.group else "/api"
        scope = ["namespaces", namespace] if self.namespaced and namespace else []
        return "/".join([root, self.version, *scope, self.plural, *filter(None, [name, subresource])])

    def __str__(self) -> str:
        return f"{self.kind}.{self.group}" if self.group else self.kind


POD: Final = Kind("", "v1", "pods", "Pod")
SERVICE: Final = Kind("", "v1", "services", "Service")
CONFIG_MAP: Final = Kind("", "v1", "configmaps", "ConfigMap")
SECRET: Final = Kind("", "v1", "secrets", "Secret")
EVENT: Final = Kind("", "v1", "events", "Event")
NAMESPACE: Final = Kind("", "v1", "namespaces", "Namespace", namespaced=False)
SERVICE_ACCOUNT: Final = Kind("", "v1", "serviceaccounts", "ServiceAccount")
RESOURCE_QUOTA: Final = Kind("", "v1", "resourcequotas", "ResourceQuota")
DEPLOYMENT: Final = Kind("apps", "v1", "deployments", "Deployment")
REPLICA_SET: Final = Kind("apps", "v1", "replicasets", "ReplicaSet")
CONTROLLER_REVISION: Final = Kind("apps", "v1", "controllerrevisions", "ControllerRevision")
JOB: Final = Kind("batch", "v1", "jobs", "Job")
HPA: Final = Kind("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
PDB: Final = Kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
LEASE: Final = Kind("coordination.k8s.io", "v1", "leases", "Lease")
ENDPOINT_SLICE: Final = Kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
CRD: Final = Kind(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)
VALIDATING_ADMISSION_POLICY_BINDING: Final = Kind(
    "admissionregistration.k8s.io",
    "v1",
    "validatingadmissionpolicybindings",
    "ValidatingAdmissionPolicyBinding",
    namespaced=False,
)
MODEL_DEPLOYMENT: Final = Kind(names.GROUP, names.VERSION, names.PLURAL, names.KIND)
ROLLOUT_DECISION: Final = Kind(names.GROUP, names.VERSION, names.DECISION_PLURAL, names.DECISION_KIND)
ROLLOUT_POLICY: Final = Kind(names.GROUP, names.VERSION, "rolloutpolicies", "RolloutPolicy")

KNOWN: Final = (
    POD,
    SERVICE,
    CONFIG_MAP,
    SECRET,
    EVENT,
    NAMESPACE,
    SERVICE_ACCOUNT,
    RESOURCE_QUOTA,
    DEPLOYMENT,
    REPLICA_SET,
    CONTROLLER_REVISION,
    JOB,
    HPA,
    PDB,
    LEASE,
    ENDPOINT_SLICE,
    CRD,
    VALIDATING_ADMISSION_POLICY_BINDING,
    MODEL_DEPLOYMENT,
    ROLLOUT_DECISION,
    ROLLOUT_POLICY,
)
_BY_NAME: Final = {(kind.api_version, kind.kind): kind for kind in KNOWN}


def kind_of(body: Body) -> Kind:
    """Return the kind of `body`; raise `LookupError` if it is not in `KNOWN`."""
    api_version, kind = body.get("apiVersion", ""), body.get("kind", "")
    if (api_version, kind) not in _BY_NAME:
        known = ", ".join(sorted(f"{version} {name}" for version, name in _BY_NAME))
        raise LookupError(f"unknown kind '{api_version} {kind}'; known: {known}")
    return _BY_NAME[api_version, kind]
