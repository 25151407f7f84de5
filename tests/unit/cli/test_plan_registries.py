"""Without the operator's settings a plan names revisions as the snapshot proves that the cluster does, or warns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.golden.play import V1, Play
from tests.unit.cli.commands import NOW, a_deployment, file_of, printed, stored

MODEL = {"uri": "s3://models/churn/7/"}
NEXT = {"uri": "s3://models/churn/8/"}
COMMAND = (
    "  kubectl -n seatrial-system get configmap seatrial-settings "
    r"-o jsonpath='{.data.settings\.yaml}' > settings.yaml"
)
Change = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


def built(**spec: Any) -> Play:
    """An image that the operator has built serves, from a registry that is no default."""
    return Play().apply(model=MODEL, scaling={"replicas": 2}, **spec).rest()


def plans(
    folder: Path, play: Play, *more: str, change: Change = lambda bodies: bodies, **spec: Any
) -> tuple[str, str]:
    """The plan of a changed spec with the operator's settings, and the one without."""
    story = play.story()
    cr = {**story.cr, "spec": {**story.cr["spec"], **spec}}
    arguments = stored(folder, replace(story, cr=cr))
    snapshot = folder / "observed.yaml"
    snapshot.write_text(yaml.safe_dump(change(yaml.safe_load(snapshot.read_text()))))
    at = arguments.index("--settings")
    return printed(*arguments, *more), printed(*arguments[:at], *arguments[at + 2 :], *more)


def without_jobs(bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """They are gone after a day."""
    jobs = [body["metadata"]["name"] for body in bodies if body["kind"] == "Job"]
    return [body for body in bodies if not any(body["metadata"]["name"].startswith(job) for job in jobs)]


def pulled_from_elsewhere(bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Nodes pull by another name than builds push to."""
    text = yaml.safe_dump(bodies)
    changed: list[dict[str, Any]] = yaml.safe_load(
        text.replace("registry.shop/models@", "mirror.shop/models@")
    )
    return changed


def unnoted(text: str) -> list[str]:
    """The plan without what it assumes."""
    return [line for line in text.splitlines() if not line.startswith("Assumed:")]


@pytest.mark.parametrize(
    "applied",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"scaling": {"replicas": 5}}, id="another size"),
        pytest.param({"model": NEXT}, id="another model"),
        pytest.param({"serving": {"env": [{"name": "A", "value": "b"}]}}, id="another environment"),
    ],
)
@pytest.mark.parametrize("change", [without_jobs, pulled_from_elsewhere], ids=["by image", "by build"])
def test_the_snapshot_tells_the_registry(tmp_path: Path, change: Change, applied: dict[str, Any]) -> None:
    known, found = plans(tmp_path, built(), change=change, **applied)
    assert unnoted(found) == unnoted(known)
    assert found.startswith("ModelDeployment shop/churn,")
    assert "and the registry registry.shop/models of the snapshot; the cluster's own are given with" in found


def test_a_registry_that_is_not_told_is_warned_of_before_anything_else(tmp_path: Path) -> None:
    known, found = plans(tmp_path, built(), change=lambda bodies: pulled_from_elsewhere(without_jobs(bodies)))
    assert "Warning" not in known
    first, second, third, *_ = found.splitlines()
    assert first.startswith("Warning: the snapshot does not prove which registry shop/churn was")
    assert first.endswith("give the operator's settings with --settings settings.yaml, made with:")
    assert (second, third) == (COMMAND, "")


def test_the_first_pass_is_warned_of_in_a_comment(tmp_path: Path) -> None:
    _, found = plans(
        tmp_path, built(), "-o", "yaml", change=lambda bodies: pulled_from_elsewhere(without_jobs(bodies))
    )
    assert found.startswith("# Warning: the snapshot does not prove")
    assert "status" in yaml.safe_load(found)


def test_a_spec_that_was_changed_since_proves_nothing_but_makes_a_guess(tmp_path: Path) -> None:
    known, found = plans(tmp_path, built().apply(model=NEXT), change=without_jobs)
    assert found.startswith("Warning: the snapshot does not prove")
    assert unnoted(found)[3:] == unnoted(known)


@pytest.mark.parametrize(
    "play",
    [
        pytest.param(lambda: Play().apply(model={"image": V1}).rest(), id="images that were given"),
        pytest.param(
            lambda: built(build={"registry": {"repository": "registry.shop/team"}}),
            id="a registry of its own",
        ),
    ],
)
def test_where_the_settings_have_no_say_nothing_is_said(tmp_path: Path, play: Callable[[], Play]) -> None:
    known, found = plans(tmp_path, play(), change=without_jobs)
    assert unnoted(found) == unnoted(known)
    assert "registry" not in "".join(line for line in found.splitlines() if line.startswith("Assumed"))


def test_a_first_build_has_another_name_and_is_told_so(tmp_path: Path) -> None:
    _, found = plans(tmp_path, Play().apply(model={"image": V1}).rest(), model=MODEL)
    assert not found.startswith("Warning")
    assert "with the cluster's own, given with --settings, revisions have other names." in found
    alone = printed("plan", "-f", file_of(tmp_path, a_deployment(model=MODEL)), "--now", NOW)
    assert "with the cluster's own, given with --settings, revisions have other names." in alone
