"""The metrics of a pod are read with suspicion: whatever it answers is a sample or a sentence, never another error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_runtime.contract.metrics import LATENCY_BOUNDS, Outcome
from seatrial.core.evidence.samples import PodSample
from seatrial.observation.pod_metrics import NoMetrics, sample_of
from tests.builders import NOW

TEXT = """\
# HELP seatrial_requests_total Predictions that were asked for.
# TYPE seatrial_requests_total counter
seatrial_requests_total{outcome="ok",traffic="user"} 41.0
seatrial_requests_total{outcome="ok",traffic="smoke"} 9.0
seatrial_requests_total{outcome="model_error",traffic="user"} 1.0
seatrial_request_duration_seconds_bucket{le="0.01",traffic="user"} 30.0
seatrial_request_duration_seconds_bucket{le="0.25",traffic="user"} 40.0
seatrial_request_duration_seconds_bucket{le="+Inf",traffic="user"} 42.0
seatrial_request_duration_seconds_count{traffic="user"} 42.0
process_start_time_seconds 1.7672688e+09
bentoml_service_request_total{endpoint="/predict"} 51.0
"""


def read(text: str) -> PodSample:
    return sample_of(text, pod="p", revision="a", at=NOW)


def test_only_requests_of_users_are_counted() -> None:
    sample = read(TEXT)
    assert sample.outcomes == {Outcome.OK: 41, Outcome.MODEL_ERROR: 1}
    assert (sample.answered, sample.within[LATENCY_BOUNDS.index(0.25)]) == (42, 40)
    assert sample.started == pytest.approx(1_767_268_800)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "ends in the middle"),
        (TEXT.replace("seatrial_requests_total{", "other{"), "has no seatrial_requests_total"),
        (TEXT.replace("process_start_time_seconds", "other"), "has no process_start_time_seconds"),
        (TEXT.replace('le="0.25"', 'le="x"'), "which is no count"),
        (TEXT.replace(" 41.0", " -1"), "which is no count"),
        (TEXT.replace(" 41.0", " 1e300"), "which is no count"),
        (TEXT[:-30], "ends in the middle"),
    ],
)
def test_what_is_no_metrics_of_a_model_server_is_said(text: str, cause: str) -> None:
    with pytest.raises(NoMetrics, match=cause):
        read(text)


ODD = st.sampled_from('seatrial_requests_total{outcome="ok",traffic="user"} 1.0e+-\\n#le=xNaInf')


@given(st.text(alphabet=ODD, max_size=400))
def test_no_text_raises_another_error(text: str) -> None:
    try:
        read(TEXT + text + "\n")
    except NoMetrics:
        return
