"""The CRDs and the generated files."""

from pathlib import Path

import pytest

from seatrial.api import names, podspec, reasons
from seatrial.codegen import crd, field_reference, generate, schema
from tests.unit.codegen.test_schema import Unbounded

MODEL = crd.crd_of(crd.MODEL_DEPLOYMENT)
DECISION = crd.crd_of(crd.ROLLOUT_DECISION)


def columns(document: crd.Crd, priority: int) -> list[str]:
    printed = document["spec"]["versions"][0]["additionalPrinterColumns"]
    return [column["name"] for column in printed if column.get("priority", 0) == priority]


def test_the_columns_of_kubectl_get() -> None:
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


def test_a_model_deployment_can_be_scaled() -> None:
    scale = MODEL["spec"]["versions"][0]["subresources"]["scale"]
    assert scale["specReplicasPath"] == ".spec.scaling.replicas"
    assert scale["labelSelectorPath"] == ".status.selector"


def test_the_names_of_the_kinds() -> None:
    assert MODEL["metadata"]["name"] == "modeldeployments.seatrial.dev"
    assert MODEL["spec"]["names"]["shortNames"] == ["mdep"]
    assert DECISION["spec"]["names"]["shortNames"] == ["rdec"]
    assert MODEL["spec"]["names"]["categories"] == ["all", "seatrial"]


@pytest.mark.parametrize("document", [MODEL, DECISION])
def test_a_crd_has_the_version_of_its_schema(document: crd.Crd) -> None:
    assert document["metadata"]["annotations"][names.ANNOTATION_SCHEMA_VERSION] == names.SCHEMA_VERSION


def test_the_api_server_sets_no_defaults() -> None:
    """A default that the server stores would appear in every diff and could not be changed by a newer version."""
    assert "default:" not in next(text for _, text in generate.documents()).lower().replace(" default:", "")


def test_only_the_permitted_kinds_of_volume_are_declared() -> None:
    pod = crd.object_schema(crd.MODEL_DEPLOYMENT)["properties"]["spec"]["properties"]["serving"][
        "properties"
    ]["pod"]
    volume = pod["properties"]["volumes"]["items"]
    assert set(volume["properties"]) == {"name", *podspec.VOLUME_KINDS}
    assert "x-kubernetes-preserve-unknown-fields" not in volume


def test_a_decision_is_immutable() -> None:
    rules = crd.object_schema(crd.ROLLOUT_DECISION)["properties"]["spec"]["x-kubernetes-validations"]
    assert rules[0]["rule"] == "self == oldSelf"


def test_a_field_without_an_upper_bound_is_an_error() -> None:
    kind = crd.Kind(
        kind="K",
        list_kind="KList",
        plural="ks",
        singular="k",
        short_names=(),
        description="K.",
        spec=Unbounded,
        status=Unbounded,
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
def test_the_first_line_of_a_file_says_that_it_is_generated(path: Path, text: str) -> None:
    assert "generated" in text.splitlines()[0].lower()


def test_only_files_that_differ_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generate.main(tmp_path)
    assert capsys.readouterr().out.count("wrote") == len(list(generate.documents()))
    generate.main(tmp_path)
    assert capsys.readouterr().out == ""


def test_the_reference_contains_fields_and_reasons() -> None:
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
def test_a_row_of_the_reference_has_the_type(row: str) -> None:
    assert row in field_reference.reference(crd.KINDS)
