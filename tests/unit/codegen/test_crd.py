"""The CRDs as a whole, and the files that hold them."""

from pathlib import Path

import pytest

from seatrial.api import names, reasons
from seatrial.codegen import crd, field_reference, generate, schema
from tests.unit.codegen.test_schema import Endless

MODEL = crd.crd_of(crd.MODEL_DEPLOYMENT)
DECISION = crd.crd_of(crd.ROLLOUT_DECISION)


def columns(document: crd.Crd, priority: int) -> list[str]:
    found = document["spec"]["versions"][0]["additionalPrinterColumns"]
    return [column["name"] for column in found if column.get("priority", 0) == priority]


def test_columns() -> None:
    assert columns(MODEL, 0) == [
        "PHASE",
        "STEP",
        "WEIGHT",
        "STABLE",
        "CANARY",
        "VERDICT",
        "READY",
        "AGE",
        "MESSAGE",
    ]
    assert columns(MODEL, 1) == ["IMAGE", "URL"]


@pytest.mark.parametrize("kind", crd.KINDS, ids=lambda kind: kind.kind)
def test_every_column_shows_a_field_that_exists(kind: crd.Kind) -> None:
    whole = crd.object_schema(kind)
    for column in kind.columns:
        field = whole
        for part in column.path.strip(".").split("."):
            if part == "metadata":
                break
            field = field["properties"][part]


def test_it_can_be_scaled() -> None:
    scale = MODEL["spec"]["versions"][0]["subresources"]["scale"]
    assert scale["specReplicasPath"] == ".spec.scaling.replicas"
    assert scale["labelSelectorPath"] == ".status.selector"


def test_names() -> None:
    assert MODEL["metadata"]["name"] == "modeldeployments.seatrial.dev"
    assert MODEL["spec"]["names"]["shortNames"] == ["mdep"]
    assert DECISION["spec"]["names"]["shortNames"] == ["rdec"]
    assert MODEL["spec"]["names"]["categories"] == ["all", "seatrial"]


@pytest.mark.parametrize("document", [MODEL, DECISION])
def test_it_says_which_schema_it_is(document: crd.Crd) -> None:
    assert document["metadata"]["annotations"][names.ANNOTATION_SCHEMA_VERSION] == names.SCHEMA_VERSION


def test_the_server_writes_no_defaults() -> None:
    """A default stored by the server would stand in every Git diff and outlive a better one."""
    assert "default:" not in next(text for _, text in generate.documents()).lower().replace(" default:", "")


def test_a_decision_cannot_be_changed() -> None:
    rules = crd.object_schema(crd.ROLLOUT_DECISION)["properties"]["spec"]["x-kubernetes-validations"]
    assert rules[0]["rule"] == "self == oldSelf"


def test_an_endless_field_makes_no_crd() -> None:
    kind = crd.Kind(
        kind="K",
        list_kind="KList",
        plural="ks",
        singular="k",
        short_names=(),
        description="K.",
        spec=Endless,
        status=Endless,
        columns=(),
    )
    with pytest.raises(schema.NotStructural, match=r"spec\.text, spec\.texts"):
        crd.crd_of(kind)


@pytest.mark.parametrize(
    ("path", "text"), [pytest.param(*made, id=str(made[0])) for made in generate.documents()]
)
def test_the_file_in_the_repository_is_up_to_date(path: Path, text: str) -> None:
    assert (generate.REPOSITORY / path).read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("path", "text"), [pytest.param(*made, id=str(made[0])) for made in generate.documents()]
)
def test_its_first_line_says_that_it_is_generated(path: Path, text: str) -> None:
    assert "generated" in text.splitlines()[0].lower()


def test_only_what_differs_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generate.main(tmp_path)
    assert capsys.readouterr().out.count("wrote") == len(list(generate.documents()))
    generate.main(tmp_path)
    assert capsys.readouterr().out == ""


def test_the_reference_has_every_field_and_reason() -> None:
    page = field_reference.reference(crd.KINDS)
    for path in (
        "spec.model.uri",
        "spec.rollout.steps[].hold",
        "status.rollout.waitingFor",
        "spec.toRevision",
    ):
        assert f"| `{path}`" in page
    for reason in reasons.Reason:
        assert f"`{reason}`" in page


@pytest.mark.parametrize(
    "row",
    [
        "| `spec.rollout.steps[].weight` (required) | integer 1–100 |",
        "| `spec.rollout.progressDeadline` | duration |",
        "| `spec.serving.resources.requests` | map to quantity, at most 16 |",
        "| `spec.scaling.disruptionBudget.maxUnavailable` | integer or string |",
        "| `spec.serving.pod.affinity` | any object |",
        "| `spec.serving.pod.imagePullSecrets` | list of string, at most 16 |",
        "| `spec.model.format` | one of `sklearn`, `skops`, `xgboost`, `onnx` |",
        "| `status.stable.since` | time |",
    ],
)
def test_a_row_tells_the_shape(row: str) -> None:
    assert row in field_reference.reference(crd.KINDS)
