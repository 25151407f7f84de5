"""What is kept of revisions, in the words of those who wrote the spec."""

from __future__ import annotations

from seatrial.api import reasons
from seatrial.core.snapshot import Diagnosis, Track
from seatrial.manifests import workload
from seatrial.observation import revisions
from seatrial.observation.observed import Observed
from tests.builders import NEW

COPY = {"metadata": {"name": f"churn-{NEW}-0", "annotations": {workload.COPY_OF: "limits"}}}
SECOND = {"metadata": {"name": f"churn-{NEW}-2", "annotations": {workload.COPY_OF: "more"}}}
PLAIN = {"metadata": {"name": f"churn-{NEW}-1"}}


def test_a_trouble_speaks_of_the_config_map_of_the_spec_and_not_of_its_copy() -> None:
    said = f"couldn't find key a in ConfigMap shop/churn-{NEW}-0"
    trouble = Diagnosis(reason=reasons.Reason.CONTAINER_CONFIG_ERROR, message=said)
    seen = revisions.in_users_words(Track(revision=NEW, diagnosis=trouble), Observed(copies=(COPY, PLAIN)))
    assert seen.trouble is not None
    assert seen.trouble.message == "couldn't find key a in ConfigMap shop/limits"


def test_a_pod_whose_name_begins_like_a_copy_keeps_its_name() -> None:
    said = f'pods "churn-{NEW}-2b5c9" is forbidden: ConfigMap "churn-{NEW}-2"'
    trouble = Diagnosis(reason=reasons.Reason.QUOTA_EXCEEDED, message=said)
    seen = revisions.in_users_words(Track(revision=NEW, diagnosis=trouble), Observed(copies=(COPY, SECOND)))
    assert seen.trouble is not None
    assert seen.trouble.message == f'pods "churn-{NEW}-2b5c9" is forbidden: ConfigMap "more"'


def test_a_track_without_trouble_stays_as_it_is() -> None:
    assert revisions.in_users_words(Track(revision=NEW), Observed(copies=(COPY,))) == Track(revision=NEW)
