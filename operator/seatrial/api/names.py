"""Names that other programs may rely on: group, kinds, labels, annotations, the field manager."""

from typing import Final

GROUP: Final = "seatrial.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"

KIND: Final = "ModelDeployment"
LIST_KIND: Final = "ModelDeploymentList"
PLURAL: Final = "modeldeployments"
SINGULAR: Final = "modeldeployment"
SHORT_NAMES: Final = ("mdep",)

DECISION_KIND: Final = "RolloutDecision"
DECISION_LIST_KIND: Final = "RolloutDecisionList"
DECISION_PLURAL: Final = "rolloutdecisions"
DECISION_SINGULAR: Final = "rolloutdecision"
DECISION_SHORT_NAMES: Final = ("rdec",)

CATEGORIES: Final = ("all", "seatrial")

LABEL_NAME: Final = "app.kubernetes.io/name"
LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
LABEL_DEPLOYMENT: Final = f"{GROUP}/deployment"
LABEL_REVISION: Final = f"{GROUP}/revision"
LABEL_SERVER: Final = f"{GROUP}/server"
"""Only on server pods: the Services select it, so that a build pod never receives a request."""
LABEL_STABLE: Final = f"{GROUP}/stable"
"""On Service `<name>`: the stable revision, known even when the status is lost."""
LABEL_BUILD: Final = f"{GROUP}/build"
"""On build Jobs and their pods: the build id."""

MANAGED_BY: Final = "seatrial"
FIELD_MANAGER: Final = "seatrial"

ANNOTATION_SCHEMA_VERSION: Final = f"{GROUP}/schema-version"
"""On the CRDs: the version of the schema in the cluster; the operator does not start with an older one than its own."""
SCHEMA_VERSION: Final = "1"
CRD_COMMAND: Final = "kubectl apply --server-side --force-conflicts -f crds/"
"""The command that updates the schema in the cluster, from a checkout or from the unpacked chart. Helm may own the
fields, because it created the CRDs: hence `--force-conflicts`.
"""

NAME_MAX_LENGTH: Final = 40
"""Maximum length of a ModelDeployment's name: names of children append up to 23 characters and must be DNS labels."""
NAME_PATTERN: Final = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"
REVISION_PATTERN: Final = r"^[0-9a-f]{10}$"
PREVIOUS: Final = "previous"
"""As the target of a Rollback: what served before."""
DIGEST_PREFIX_PATTERN: Final = r"^(sha256:)?[0-9a-f]{6,64}$"
"""The start of the digest of a model or an image: six digits at least."""
ROLLBACK_TARGET_PATTERN: Final = rf"^{PREVIOUS}$|{DIGEST_PREFIX_PATTERN}"
"""A revision has the form of a digest's start."""
