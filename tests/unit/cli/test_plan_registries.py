"""Without the operator's settings, a plan infers the registry from the snapshot, or warns that it is a guess."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.golden.play import V1, Play
from tests.unit.cli.commands import NOW, model_deployment, output_of, plan_arguments, write_file

MODEL = {"uri": "s3://models/churn/7/"}
NEXT = {"uri": "s3://models/churn/8/"}
COMMAND = (
    "  kubectl -n seatrial-system get configmap seatrial-settings "
    r"-o jsonpath='{.data.settings\.yaml}' > settings.yaml"
)
Change = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


def built(**spec: Any) -> Play:
    """A revision that the operator built is stable; its registry is not the default one."""
    return Play().apply(model=MODEL, scaling={"replicas": 2}, **spec).rest()


def plans(
    folder: Path, play: Play, *more: str, change: Change = lambda bodies: bodies, **spec: Any
) -> tuple[str, str]:
    """Return the plan of a changed spec with the operator's settings, and the plan without them."""
    story = play.story()
    cr = {**story.cr, "spec": {**story.cr["spec"], **spec}}
    arguments = plan_arguments(folder, replace(story, cr=cr))
    snapshot = folder / "observed.yaml"
    snapshot.write_text(yaml.safe_dump(change(yaml.safe_load(snapshot.read_text()))))
    index = arguments.index("--settings")
    without_settings = [*arguments[:index], *arguments[index + 2 :]]
    return output_of(*arguments, *more), output_of(*without_settings, *more)


def without_jobs(bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Remove the Jobs and their pods, as the cluster does after a day."""
    jobs = [body["metadata"]["name"] for body in bodies if body["kind"] == "Job"]
    return [body for body in bodies if not any(body["metadata"]["name"].startswith(job) for job in jobs)]


def pulled_from_elsewhere(bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Change the images to those of a registry that nodes pull by another name than builds push to."""
    text = yaml.safe_dump(bodies)
    changed: list[dict[str, Any]] = yaml.safe_load(
        text.replace("registry.shop/models@", "mirror.shop/models@")
    )
    return changed


def without_assumptions(text: str) -> list[str]:
    """Return the lines of the plan except its assumptions."""
    return [line for line in text.splitlines() if not line.startswith("Assumed:")]


@pytest.mark.parametrize(
    "change_of_spec",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"scaling": {"replicas": 5}}, id="another size"),
        pytest.param({"model": NEXT}, id="another model"),
        pytest.param({"serving": {"env": [{"name": "A", "value": "b"}]}}, id="another environment"),
    ],
)
@pytest.mark.parametrize("change", [without_jobs, pulled_from_elsewhere], ids=["from images", "from builds"])
def test_the_registry_is_inferred_from_the_snapshot(
    tmp_path: Path, change: Change, change_of_spec: dict[str, Any]
) -> None:
    with_settings, inferred = plans(tmp_path, built(), change=change, **change_of_spec)
    assert without_assumptions(inferred) == without_assumptions(with_settings)
    assert inferred.startswith("ModelDeployment shop/churn,")
    assert "and the registry registry.shop/models from the snapshot; give the cluster's own with" in inferred


def test_a_guessed_registry_is_a_warning_before_the_plan(tmp_path: Path) -> None:
    with_settings, inferred = plans(
        tmp_path, built(), change=lambda bodies: pulled_from_elsewhere(without_jobs(bodies))
    )
    assert "Warning" not in with_settings
    first, second, third, *_ = inferred.splitlines()
    assert first.startswith("Warning: the snapshot does not prove which registry shop/churn is built")
    assert first.endswith("Give the operator's settings with --settings settings.yaml; get them with:")
    assert (second, third) == (COMMAND, "")


def test_the_warning_is_a_comment_in_yaml_output(tmp_path: Path) -> None:
    _, inferred = plans(
        tmp_path, built(), "-o", "yaml", change=lambda bodies: pulled_from_elsewhere(without_jobs(bodies))
    )
    assert inferred.startswith("# Warning: the snapshot does not prove")
    assert "status" in yaml.safe_load(inferred)


def test_a_spec_that_changed_since_the_build_proves_nothing_but_gives_a_guess(tmp_path: Path) -> None:
    with_settings, inferred = plans(tmp_path, built().apply(model=NEXT), change=without_jobs)
    assert inferred.startswith("Warning: the snapshot does not prove")
    assert without_assumptions(inferred)[3:] == without_assumptions(with_settings)


@pytest.mark.parametrize(
    "play",
    [
        pytest.param(lambda: Play().apply(model={"image": V1}).rest(), id="image in the spec"),
        pytest.param(
            lambda: built(build={"registry": {"repository": "registry.shop/team"}}),
            id="registry in the spec",
        ),
    ],
)
def test_a_registry_that_does_not_matter_is_not_mentioned(tmp_path: Path, play: Callable[[], Play]) -> None:
    with_settings, inferred = plans(tmp_path, play(), change=without_jobs)
    assert without_assumptions(inferred) == without_assumptions(with_settings)
    assert "registry" not in "".join(line for line in inferred.splitlines() if line.startswith("Assumed"))


def test_a_first_build_mentions_that_revisions_have_other_names_in_the_cluster(tmp_path: Path) -> None:
    _, inferred = plans(tmp_path, Play().apply(model={"image": V1}).rest(), model=MODEL)
    assert not inferred.startswith("Warning")
    assert "revisions have other names in the cluster: give the cluster's own with --settings." in inferred
    alone = output_of("plan", "-f", write_file(tmp_path, model_deployment(model=MODEL)), "--now", NOW)
    assert "revisions have other names in the cluster: give the cluster's own with --settings." in alone
