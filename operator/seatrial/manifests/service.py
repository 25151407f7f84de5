"""The Service through which clients reach an object, and the pods that its selector selects."""

from __future__ import annotations

from typing import Final

from seatrial.api import names
from seatrial.api.objects import Body
from seatrial.api.owner import Owner
from seatrial.manifests import metadata

CLIENT_PORT: Final = 80


def client_service(owner: Owner, *, stable: str, selects_all: bool, annotations: Body) -> Body:
    """Return Service `<name>`; it selects the pods of `stable`, or all server pods.

    Its label names stable, so that a lost status can be recovered from it.
    """
    return metadata.child(
        owner,
        api_version="v1",
        kind="Service",
        name=owner.name,
        extra_labels={names.LABEL_STABLE: stable},
        annotations=annotations,
        spec={
            "selector": metadata.selector(owner, "" if selects_all else stable),
            "ports": [{"name": "http", "port": CLIENT_PORT, "targetPort": "http", "protocol": "TCP"}],
        },
    )
