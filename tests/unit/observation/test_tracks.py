"""Tracks: a diagnosis uses the names of the spec's ConfigMaps, not those of their copies."""

from __future__ import annotations

from seatrial.api import names
from seatrial.api.objects import Body
from seatrial.core.snapshot import Track
from seatrial.manifests import workload
from seatrial.observation.observed import Observed
from seatrial.observation.tracks import tracks
from tests.builders import NEW

LABELS = {names.LABEL_SERVER: "churn", names.LABEL_REVISION: NEW}


def config_map(number: int, *, copy_of: str = "") -> Body:
    """Return a ConfigMap of the revision; `copy_of`: the ConfigMap of the spec that it copies."""
    annotations = {workload.COPY_OF: copy_of} if copy_of else {}
    return {"metadata": {"name": f"churn-{NEW}-{number}", "annotations": annotations}}


def pod(message: str) -> Body:
    """Return a pod whose container cannot be created for this reason."""
    waiting = {"reason": "CreateContainerConfigError", "message": message}
    statuses = [{"name": "server", "restartCount": 0, "state": {"waiting": waiting}}] if message else []
    return {"metadata": {"name": "p-1", "labels": LABELS}, "status": {"containerStatuses": statuses}}


def deployment(message: str) -> Body:
    """Return a Deployment whose pods cannot be created for this reason."""
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    return {"metadata": {"name": f"churn-{NEW}", "labels": LABELS}, "status": {"conditions": [condition]}}


def track(**children: tuple[Body, ...]) -> Track:
    """Return the track of NEW."""
    return tracks(Observed(children=children))[NEW]


def test_a_diagnosis_names_the_config_map_of_the_spec_instead_of_its_copy() -> None:
    message = f"couldn't find key a in ConfigMap shop/churn-{NEW}-0"
    config_maps = (config_map(0, copy_of="limits"), config_map(1))
    diagnosis = track(Pod=(pod(message),), ConfigMap=config_maps).diagnosis
    assert diagnosis is not None
    assert diagnosis.message == "couldn't find key a in ConfigMap shop/limits"


def test_a_pod_whose_name_begins_like_a_copy_keeps_its_name() -> None:
    message = f'pods "churn-{NEW}-2b5c9" is forbidden: exceeded quota; ConfigMap "churn-{NEW}-2"'
    config_maps = (config_map(0, copy_of="limits"), config_map(2, copy_of="more"))
    diagnosis = track(Deployment=(deployment(message),), ConfigMap=config_maps).diagnosis
    assert diagnosis is not None
    assert diagnosis.message == f'pods "churn-{NEW}-2b5c9" is forbidden: exceeded quota; ConfigMap "more"'


def test_a_track_without_a_diagnosis_is_the_same_with_and_without_copies() -> None:
    assert track(Pod=(pod(""),), ConfigMap=(config_map(0, copy_of="limits"),)) == track(Pod=(pod(""),))
