"""Checks that the cluster has what the operator needs before it starts."""

from __future__ import annotations

from seatrial.api import kinds, names
from seatrial.kube import failures
from seatrial.kube.client import Client


class PreflightFailed(Exception):
    """The operator cannot start; the message says why and what to do."""


async def check_cluster(client: Client) -> None:
    """Raise `PreflightFailed` unless this operator's CRDs are installed and the objects it depends on are readable."""
    try:
        for plural in (names.PLURAL, names.DECISION_PLURAL):
            await _check_crd(client, f"{plural}.{names.GROUP}")
        await client.list(kinds.VALIDATING_ADMISSION_POLICY_BINDING)
    except failures.Forbidden as error:
        raise PreflightFailed(
            f"The operator may not read what it needs: {error.message}. It reads its CRDs and all "
            "ValidatingAdmissionPolicyBindings in every scope; bind it to the chart's ClusterRole that ends in -reads."
        ) from None
    except failures.NoLogin as error:
        raise PreflightFailed(
            f"The operator cannot log in to a cluster: {error.message}. Pass a kubeconfig with --kubeconfig and its "
            "context with --context, or run in a pod with a service account."
        ) from None
    except failures.ApiError as error:
        raise PreflightFailed(
            f"The API server does not answer requests: {error.message}. Check its address and the credentials in the "
            "kubeconfig (--kubeconfig, --context), or wait until it is available."
        ) from None


async def _check_crd(client: Client, name: str) -> None:
    try:
        crd = await client.get(kinds.CRD, "", name)
    except failures.NotFound:
        raise PreflightFailed(f"The CRD {name} is missing; run {names.CRD_COMMAND}") from None
    version = (crd["metadata"].get("annotations") or {}).get(names.ANNOTATION_SCHEMA_VERSION) or "0"
    if (int(version) if version.isdecimal() else 0) < int(names.SCHEMA_VERSION):
        raise PreflightFailed(
            f"The CRD {name} has schema version {version}, expected {names.SCHEMA_VERSION} or later; "
            f"run {names.CRD_COMMAND}"
        )
