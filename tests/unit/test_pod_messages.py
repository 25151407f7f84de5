"""The termination messages of pods are untrusted: an invalid one is rejected, whatever it contains."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_runtime import contract
from seatrial.api import names
from seatrial.observation import build_jobs, pod_diagnosis
from seatrial.observation.observed import Observed

IMAGE = "registry.shop:5000/models/churn@sha256:" + "a1" * 32
NESTED = "[" * 30_000
KINDS = [contract.BuildRequest, contract.BuildReport, contract.ModelCard, contract.Exit]

REQUEST = contract.BuildRequest(
    namespace="shop",
    name="churn",
    build_id="b1",
    uri="s3://models/churn/",
    runtime_image="r/sklearn:1",
    repository="r.shop/models",
    source_date=7,
    python_packages=("xgboost",),
)
REPORT = contract.BuildReport(
    image=IMAGE, cached=True, source={"etag": "1"}, seconds={"fetch": 1.5, "push": 2}
)
CARD = contract.ModelCard(name="churn", build_id="b1", format="onnx", path="m.onnx", digest="sha256:1")
EXIT = contract.Exit(reason="ModelLoadFailed", message="of another version")


@pytest.mark.parametrize("message", [REQUEST, REPORT, CARD, EXIT], ids=lambda message: type(message).__name__)
def test_message_round_trips_through_json(message: Any) -> None:
    assert type(message).from_json(message.to_json()) == message


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "text", ["", "Killed", "[]", "1", '{"version":2}', NESTED, '{"version":1,"message":' + NESTED]
)
def test_invalid_json_message_is_a_value_error(kind: Any, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        kind.from_json(text)


TEXTS = st.text('ab1:@/{}[]",\n\\\xe9\u2028', max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    sorted({"version", *(field.name for kind in KINDS for field in dataclasses.fields(kind))})
)


@pytest.mark.parametrize("kind", KINDS)
@given(st.dictionaries(FIELDS, VALUES, max_size=6), st.booleans())
def test_any_json_object_parses_or_is_a_value_error(
    kind: Any, values: dict[str, Any], has_current_version: bool
) -> None:
    text = json.dumps({**values, "version": contract.VERSION} if has_current_version else values)
    try:
        message = kind.from_json(text)
    except ValueError:
        return
    assert kind.from_json(message.to_json()) == message


@pytest.mark.parametrize("kind", KINDS)
@given(TEXTS)
def test_arbitrary_text_is_a_value_error(kind: Any, text: str) -> None:
    with pytest.raises(ValueError, match=r"(?s)."):
        kind.from_json(text)


def _message(**values: Any) -> str:
    return json.dumps({"version": contract.VERSION, **values})


@pytest.mark.parametrize(
    "values",
    [
        {"image": 1},
        {"image": "registry.shop/churn:latest"},
        {"image": "registry.shop/churn@sha256:12"},
        {"image": f"two words/{IMAGE}"},
        {"image": f"{IMAGE}\n"},
        {"cached": "yes"},
        {"cached": 1},
        {"reason": ["BuildFailed"]},
        {"message": None},
        {"log_tail": {}},
        {"message": "\ud800"},
        {"source": []},
        {"source": {"etag": 1}},
        {"source": {str(n): "1" for n in range(99)}},
        {"seconds": 3},
        {"seconds": {"fetch": "1"}},
        {"seconds": {"fetch": True}},
        {"seconds": {"fetch": float("nan")}},
        {"seconds": {"fetch": 10**400}},
        {"seconds": {str(n): 1 for n in range(99)}},
    ],
    ids=lambda values: str(values)[:50],
)
def test_build_report_with_a_wrong_field_type_is_rejected(values: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        contract.BuildReport.from_json(_message(**values))


@pytest.mark.parametrize("values", [{}, {"reason": "CrashLoop"}, {"reason": 1, "message": "why"}])
def test_exit_message_needs_reason_and_message(values: Any) -> None:
    with pytest.raises(ValueError, match=r"reason|message"):
        contract.Exit.from_json(_message(**values))


@pytest.mark.parametrize("text", [NESTED, _message(image="x"), _message(seconds=1)])
def test_invalid_build_report_is_ignored(text: str) -> None:
    job = {"kind": "Job", "metadata": {"name": "j-1", "labels": {names.LABEL_BUILD: "b1"}}}
    observed = Observed(children={"Job": (job,), "Pod": (_pod("build", text),)})
    (build_job,) = build_jobs.build_jobs(observed).values()
    assert build_job.report is None


@pytest.mark.parametrize(
    "text", [NESTED, _message(reason="CrashLoop", message=[]), _message(reason=[], message="")]
)
def test_invalid_exit_message_of_a_server_is_ignored(text: str) -> None:
    assert pod_diagnosis.diagnosis_of(_pod("server", text)) is None


def _pod(container: str, message: str) -> dict[str, Any]:
    ended = {"exitCode": 1, "message": message}
    return {
        "kind": "Pod",
        "metadata": {"name": "p", "labels": {"batch.kubernetes.io/job-name": "j-1"}},
        "status": {"containerStatuses": [{"name": container, "state": {"terminated": ended}}]},
    }
