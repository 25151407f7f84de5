"""Objects that are applied with a ModelDeployment, or that exist next to it in a snapshot."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.api import names
from tests.golden.play import V1, V2, Play
from tests.unit.cli.commands import (
    NOW,
    SETTINGS,
    error_of,
    model_deployment,
    output_of,
    plan_arguments,
    write_file,
)


def plan(*more: str | Path) -> tuple[str | Path, ...]:
    return ("plan", "--now", NOW, "--settings", SETTINGS, *more)


def revision_in(text: str) -> str:
    """Return the revision of a first deployment."""
    match = re.search(r"create Deployment \S+-([0-9a-f]{10}) ", text)
    assert match is not None
    return match[1]


CONFIG_MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "churn-settings", "namespace": "shop"},
    "data": {"LEVEL": "info"},
}
READS = {"envFrom": [{"configMapRef": {"name": "churn-settings"}}]}


def test_a_configmap_in_the_files_is_used(tmp_path: Path) -> None:
    deployment = model_deployment(serving=READS)
    alone = output_of(*plan("-f", write_file(tmp_path, deployment)))
    together = output_of(*plan("-f", write_file(tmp_path, CONFIG_MAP, deployment)))
    assert "Assumed: ConfigMap churn-settings exists and is empty" in alone
    assert "churn-settings" not in together
    assert revision_in(alone) != revision_in(together)


def test_an_optional_configmap_is_assumed_to_be_missing(tmp_path: Path) -> None:
    serving = {"envFrom": [{"configMapRef": {"name": "churn-settings", "optional": True}}]}
    text = output_of(*plan("-f", write_file(tmp_path, model_deployment(serving=serving))))
    assert "Assumed: ConfigMap churn-settings does not exist, because it is optional; add it" in text


def test_a_changed_configmap_starts_a_rollout_of_an_unchanged_deployment(tmp_path: Path) -> None:
    play = Play().having(CONFIG_MAP).apply(model={"image": V1}, serving=READS).rest()
    arguments = plan_arguments(tmp_path, play.story())
    assert "create Deployment" not in output_of(*arguments)
    same = write_file(tmp_path, CONFIG_MAP, name="same.yaml")
    assert output_of(*arguments, "-f", same) == output_of(*arguments)
    changed = write_file(tmp_path, {**CONFIG_MAP, "data": {"LEVEL": "debug"}}, name="changed.yaml")
    assert "create Deployment" in output_of(*arguments, "-f", changed)


def test_a_secret_with_string_data_equals_the_secret_with_encoded_data(tmp_path: Path) -> None:
    deployment = model_deployment(serving={"envFrom": [{"secretRef": {"name": "keys"}}]})
    secret: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "keys", "namespace": "shop"},
    }
    texts = [
        output_of(*plan("-f", write_file(tmp_path, {**secret, **data}, deployment)))
        for data in ({"data": {"K": "YQ=="}}, {"stringData": {"K": "a"}}, {"stringData": {"K": "b"}})
    ]
    revisions = [revision_in(text) for text in texts]
    assert revisions[0] == revisions[1] != revisions[2]
    assert not any("YQ==" in text for text in texts)


def test_a_configmap_of_another_namespace_is_not_used(tmp_path: Path) -> None:
    elsewhere = {**CONFIG_MAP, "metadata": {"name": "churn-settings", "namespace": "other"}}
    text = output_of(*plan("-f", write_file(tmp_path, elsewhere, model_deployment(serving=READS))))
    assert "Assumed: ConfigMap churn-settings exists and is empty" in text


@pytest.mark.parametrize(
    ("metadata", "option", "key"),
    [
        pytest.param({}, [], "default/churn", id="default"),
        pytest.param({}, ["-n", "shop"], "shop/churn", id="from the option"),
        pytest.param({"namespace": "shop"}, ["-n", "shop"], "shop/churn", id="from both"),
        pytest.param({"namespace": "shop"}, [], "shop/churn", id="from the object"),
    ],
)
def test_the_namespace_comes_from_the_object_or_from_the_option(
    tmp_path: Path, metadata: dict[str, str], option: list[str], key: str
) -> None:
    body = {**model_deployment(), "metadata": {"name": "churn", **metadata}}
    assert output_of(*plan("-f", write_file(tmp_path, body), *option)).startswith(f"ModelDeployment {key},")


def test_different_namespaces_in_object_and_option_are_rejected(tmp_path: Path) -> None:
    error = error_of(*plan("-f", write_file(tmp_path, model_deployment()), "-n", "other"))
    assert error == "seatrial: ModelDeployment churn has namespace 'shop', but -n says 'other'\n"


def test_a_snapshot_of_another_namespace_is_rejected_with_its_name(tmp_path: Path) -> None:
    arguments = plan_arguments(tmp_path, Play().apply(model={"image": V1}).rest().story())
    body = {**model_deployment(), "metadata": {"name": "churn"}}
    arguments[arguments.index("-f") + 1] = write_file(tmp_path, body)
    assert "ModelDeployment churn is in namespace shop in the snapshot" in error_of(*arguments)
    assert output_of(*arguments, "-n", "shop").startswith("ModelDeployment shop/churn,")


FOREIGN_OBJECTS: list[dict[str, Any]] = [
    {"kind": "Job", "metadata": {"name": "nightly"}},
    {"kind": "Deployment", "metadata": {"name": "web"}},
    {"kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}},
    {"kind": "Service", "metadata": {"name": "web"}},
    {
        "kind": "Pod",
        "metadata": {"name": "web-1", "labels": {names.LABEL_SERVER: "web", names.LABEL_DEPLOYMENT: "web"}},
    },
    {"kind": "ModelDeployment", "metadata": {"name": "web"}},
    {
        "kind": "Pod",
        "metadata": {"name": "churn-1", "namespace": "other", "labels": {names.LABEL_SERVER: "churn"}},
    },
]


def test_foreign_objects_in_a_snapshot_change_nothing(tmp_path: Path) -> None:
    story = (
        Play().apply(model={"image": V1}, scaling={"replicas": 2}).rest().apply(model={"image": V2}).story()
    )
    arguments = plan_arguments(tmp_path, story)
    text = output_of(*arguments)
    snapshot = tmp_path / "observed.yaml"
    snapshot.write_text(snapshot.read_text() + yaml.safe_dump(FOREIGN_OBJECTS))
    assert output_of(*arguments) == text


def test_a_name_conflict_is_a_warning(tmp_path: Path) -> None:
    play = Play().apply(model={"image": V1}).rest()
    foreign = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "churn", "namespace": "shop"}}
    play.edited("Service", lambda _: foreign).losing_status()
    text = output_of(*plan_arguments(tmp_path, play.story()))
    assert "Warning: Service churn exists and does not have the labels of this ModelDeployment" in text
