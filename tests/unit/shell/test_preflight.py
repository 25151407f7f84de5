"""What the operator checks before it starts, and what its messages tell a person to do."""

from __future__ import annotations

import pytest

from seatrial import preflight
from seatrial.api import kinds, names
from seatrial.api.objects import Body
from seatrial.kube.client import Client
from tests.apiserver import FakeApiServer

pytestmark = pytest.mark.looptime
CRDS = tuple(f"{plural}.{names.GROUP}" for plural in (names.PLURAL, names.DECISION_PLURAL))


def crd(name: str, version: str | None) -> Body:
    annotations = {} if version is None else {names.ANNOTATION_SCHEMA_VERSION: version}
    return {
        "apiVersion": kinds.CRD.api_version,
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"group": names.GROUP, "versions": []},
    }


async def test_crds_of_the_same_or_a_later_version_are_accepted(api: FakeApiServer, client: Client) -> None:
    later = str(int(names.SCHEMA_VERSION) + 1)
    for name, version in zip(CRDS, (names.SCHEMA_VERSION, later), strict=True):
        api.insert(kinds.CRD, crd(name, version))
    await preflight.check_cluster(client)


@pytest.mark.parametrize("version", ["0", None, "", "one"])
async def test_an_older_crd_is_rejected_with_the_command_to_run(
    api: FakeApiServer, client: Client, version: str | None
) -> None:
    api.insert(kinds.CRD, crd(CRDS[0], names.SCHEMA_VERSION))
    api.insert(kinds.CRD, crd(CRDS[1], version))
    with pytest.raises(preflight.PreflightFailed, match=rf"{CRDS[1]} has schema version .*kubectl apply"):
        await preflight.check_cluster(client)


async def test_a_missing_crd_is_reported_with_the_command_to_run(api: FakeApiServer, client: Client) -> None:
    with pytest.raises(preflight.PreflightFailed, match=rf"{CRDS[0]} is missing; run kubectl apply"):
        await preflight.check_cluster(client)


async def test_an_unavailable_server_is_reported_with_what_to_check(
    api: FakeApiServer, client: Client
) -> None:
    api.faults.hanging = True
    with pytest.raises(preflight.PreflightFailed, match=r"does not answer requests: .*--kubeconfig"):
        await preflight.check_cluster(client)


async def test_missing_rights_are_reported_with_the_cluster_role(api: FakeApiServer, client: Client) -> None:
    api.faults.fail_next(1, 403)
    with pytest.raises(preflight.PreflightFailed, match="ClusterRole that ends in -reads"):
        await preflight.check_cluster(client)
