"""What a router has left is deleted; what the operator itself writes is never taken for it."""

from __future__ import annotations

from seatrial.api import kinds
from seatrial.children.traffic import NOT_OF_ROUTERS
from seatrial.kube.caches import CHILD_KINDS


def test_every_observed_child_kind_but_the_service_belongs_to_no_router() -> None:
    observed = {child.kind.kind for child in CHILD_KINDS}
    assert observed - NOT_OF_ROUTERS == {kinds.SERVICE.kind}
