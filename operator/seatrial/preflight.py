"""What must hold of the cluster before the operator starts, and the sentence that says what does not."""

from __future__ import annotations

from seatrial.api import kinds, names
from seatrial.kube import failures
from seatrial.kube.client import Client


class PreflightFailed(Exception):
    """The operator does not start; the text says what to do."""


async def check_cluster(client: Client) -> None:
    """The cluster has this operator's CRDs, and lets it read what it cannot do without; `Refusal` if not."""
    try:
        for plural in (names.PLURAL, names.DECISION_PLURAL):
            await _check_schema(client, f"{plural}.{names.GROUP}")
        await client.list(kinds.VALIDATING_ADMISSION_POLICY_BINDING)
    except failures.Forbidden as error:
        raise PreflightFailed(
            f"{error.message}; the operator reads its CRDs and all ValidatingAdmissionPolicyBindings in every "
            "scope: grant it the chart's ClusterRole that ends in -reads"
        ) from None
    except failures.NoLogin as error:
        raise PreflightFailed(
            f"there is no way to log in to a cluster: {error.message}; name a kubeconfig with --kubeconfig and a "
            "context of it with --context, or run in a pod with a service account"
        ) from None
    except failures.ApiError as error:
        raise PreflightFailed(
            f"the API server cannot be asked: {error.message}; check its address and the credentials in the "
            "kubeconfig (--kubeconfig, --context), or wait until it answers"
        ) from None


async def _check_schema(client: Client, name: str) -> None:
    try:
        crd = await client.get(kinds.CRD, "", name)
    except failures.NotFound:
        raise PreflightFailed(f"the CRD {name} is not in the cluster; {names.CRD_COMMAND}") from None
    found = (crd["metadata"].get("annotations") or {}).get(names.ANNOTATION_SCHEMA_VERSION, "0")
    if (int(found) if found.isdecimal() else 0) < int(names.SCHEMA_VERSION):
        raise PreflightFailed(
            f"the CRD {name} has schema version {found}, this operator needs {names.SCHEMA_VERSION}; "
            f"{names.CRD_COMMAND}"
        )
