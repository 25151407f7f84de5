"""ControllerRevisions: their data is immutable, their metadata can change; on the fake and a real API server."""

from __future__ import annotations

from seatrial.api import kinds
from seatrial.api.objects import Body
from tests.contract import example_objects as objects
from tests.contract.api_servers import Server

DATA: Body = {
    "template": {
        "spec": {"containers": [{"name": "b", "env": [{"value": "?a=1&b=<ä>\u2028", "name": "U"}]}]}
    },
    "image": "registry.example/churn:1",
    "empty": {},
    "none": None,
    "amounts": [1, -2.5, 1000000, True],
}
"""Values with more than one JSON spelling: key order, escapes, numbers."""


def revision(server: Server, **parts: Body) -> Body:
    """Return a ControllerRevision."""
    return objects.new(server, kinds.CONTROLLER_REVISION, "churn-1", revision=1, **parts)


class TestControllerRevisionMetadata:
    async def test_metadata_is_applied_without_the_data(self, server: Server) -> None:
        created = await server.client.create(kinds.CONTROLLER_REVISION, revision(server, data=DATA))
        metadata_only = {**revision(server), "metadata": {**created["metadata"], "annotations": {"a": "b"}}}
        metadata_only["metadata"].pop("managedFields", None)
        applied = await server.client.apply(kinds.CONTROLLER_REVISION, metadata_only)
        assert applied["metadata"]["annotations"] == {"a": "b"}
        assert applied["data"] == DATA

    async def test_metadata_is_patched_without_the_data(self, server: Server) -> None:
        await server.client.create(kinds.CONTROLLER_REVISION, revision(server, data=DATA))
        patch = {"metadata": {"labels": {"a": "b"}}}
        patched = await server.client.patch(
            kinds.CONTROLLER_REVISION, server.namespace, "churn-1", patch=patch
        )
        assert patched["metadata"]["labels"] == {"a": "b"}
        assert patched["data"] == DATA
