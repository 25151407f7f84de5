"""What is applied along with an object, or stands beside it in a snapshot."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.api import names
from tests.golden.play import V1, V2, Play
from tests.unit.cli.commands import NOW, SETTINGS, a_deployment, file_of, printed, refused, stored


def plan(*more: str | Path) -> tuple[str | Path, ...]:
    return ("plan", "--now", NOW, "--settings", SETTINGS, *more)


def revision_in(text: str) -> str:
    """The revision of a first deploy."""
    found = re.search(r"create Deployment \S+-([0-9a-f]{10}) ", text)
    assert found is not None
    return found[1]


SETTINGS_MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "churn-settings", "namespace": "shop"},
    "data": {"LEVEL": "info"},
}
READS = {"envFrom": [{"configMapRef": {"name": "churn-settings"}}]}


def test_what_is_applied_along_is_there(tmp_path: Path) -> None:
    reads = a_deployment(serving=READS)
    alone = printed(*plan("-f", file_of(tmp_path, reads)))
    along = printed(*plan("-f", file_of(tmp_path, SETTINGS_MAP, reads)))
    assert "Assumed: ConfigMap churn-settings is there and empty" in alone
    assert "churn-settings" not in along
    assert revision_in(alone) != revision_in(along)


def test_what_may_be_missing_is_taken_to_be_missing(tmp_path: Path) -> None:
    reads = {"envFrom": [{"configMapRef": {"name": "churn-settings", "optional": True}}]}
    text = printed(*plan("-f", file_of(tmp_path, a_deployment(serving=reads))))
    assert "Assumed: ConfigMap churn-settings is not there, as it is optional; with its content" in text


def test_a_changed_configmap_beside_an_unchanged_object_is_a_rollout(tmp_path: Path) -> None:
    play = Play().having(SETTINGS_MAP).apply(model={"image": V1}, serving=READS).rest()
    arguments = stored(tmp_path, play.story())
    assert "create Deployment" not in printed(*arguments)
    same = file_of(tmp_path, SETTINGS_MAP, name="same.yaml")
    assert printed(*arguments, "-f", same) == printed(*arguments)
    changed = file_of(tmp_path, {**SETTINGS_MAP, "data": {"LEVEL": "debug"}}, name="changed.yaml")
    assert "create Deployment" in printed(*arguments, "-f", changed)


def test_a_secret_says_the_same_in_plain_text_and_coded(tmp_path: Path) -> None:
    reads = a_deployment(serving={"envFrom": [{"secretRef": {"name": "keys"}}]})
    head: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "keys", "namespace": "shop"},
    }
    texts = [
        printed(*plan("-f", file_of(tmp_path, {**head, **data}, reads)))
        for data in ({"data": {"K": "YQ=="}}, {"stringData": {"K": "a"}}, {"stringData": {"K": "b"}})
    ]
    revisions = [revision_in(text) for text in texts]
    assert revisions[0] == revisions[1] != revisions[2]
    assert not [text for text in texts if "YQ==" in text]


def test_what_is_applied_into_another_namespace_is_not_there(tmp_path: Path) -> None:
    elsewhere = {**SETTINGS_MAP, "metadata": {"name": "churn-settings", "namespace": "other"}}
    text = printed(*plan("-f", file_of(tmp_path, elsewhere, a_deployment(serving=READS))))
    assert "Assumed: ConfigMap churn-settings is there and empty" in text


@pytest.mark.parametrize(
    ("head", "option", "key"),
    [
        pytest.param({}, [], "default/churn", id="nobody says it"),
        pytest.param({}, ["-n", "shop"], "shop/churn", id="the option says it"),
        pytest.param({"namespace": "shop"}, ["-n", "shop"], "shop/churn", id="both say it"),
        pytest.param({"namespace": "shop"}, [], "shop/churn", id="the object says it"),
    ],
)
def test_the_namespace(tmp_path: Path, head: dict[str, str], option: list[str], key: str) -> None:
    body = {**a_deployment(), "metadata": {"name": "churn", **head}}
    assert printed(*plan("-f", file_of(tmp_path, body), *option)).startswith(f"ModelDeployment {key},")


def test_two_namespaces_are_refused(tmp_path: Path) -> None:
    told = refused(*plan("-f", file_of(tmp_path, a_deployment()), "-n", "other"))
    assert told == "seatrial: ModelDeployment churn is for namespace 'shop', not for -n 'other'\n"


def test_a_snapshot_of_another_namespace_says_which(tmp_path: Path) -> None:
    arguments = stored(tmp_path, Play().apply(model={"image": V1}).rest().story())
    body = {**a_deployment(), "metadata": {"name": "churn"}}
    arguments[arguments.index("-f") + 1] = file_of(tmp_path, body)
    assert "the snapshot has ModelDeployment churn in namespace shop" in refused(*arguments)
    assert printed(*arguments, "-n", "shop").startswith("ModelDeployment shop/churn,")


STRANGERS: list[dict[str, Any]] = [
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


def test_strangers_in_a_snapshot_change_nothing(tmp_path: Path) -> None:
    story = (
        Play().apply(model={"image": V1}, scaling={"replicas": 2}).rest().apply(model={"image": V2}).story()
    )
    arguments = stored(tmp_path, story)
    text = printed(*arguments)
    snapshot = tmp_path / "observed.yaml"
    snapshot.write_text(snapshot.read_text() + yaml.safe_dump(STRANGERS))
    assert printed(*arguments) == text


def test_a_name_that_somebody_else_has_is_a_warning(tmp_path: Path) -> None:
    play = Play().apply(model={"image": V1}).rest()
    stranger = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "churn", "namespace": "shop"}}
    play.edited("Service", lambda _: stranger).losing_status()
    text = printed(*stored(tmp_path, play.story()))
    assert "Warning: Service churn is there and has not the labels of this object" in text
