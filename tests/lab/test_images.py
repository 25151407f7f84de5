"""An image is built again exactly when one of its inputs has changed."""

from pathlib import Path

import pytest

from tests.cluster import images
from tests.cluster.errors import LabError
from tests.cluster.images import Recipe

BASE = Path("/cache/python-base-1")


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    (tmp_path / "Containerfile").write_text(
        "FROM x\nCOPY a.txt \\\n  b.txt /to/\nCOPY --chown=1:1 src /src\nCOPY --from=stage /x /y\n"
    )
    for name in ("a.txt", "b.txt", "other.txt"):
        (tmp_path / name).write_text(name)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "code.py").write_text("1")
    return Recipe("app", tmp_path / "Containerfile", tmp_path, {"RUNTIME": "sklearn"})


def test_the_sources_are_what_the_containerfile_copies(recipe: Recipe) -> None:
    names = [str(source.relative_to(recipe.context)) for source in recipe.sources()]
    assert names == ["a.txt", "b.txt", "src"]


@pytest.mark.parametrize("changed", ["Containerfile", "b.txt", "src/code.py"])
def test_a_changed_input_changes_the_key(recipe: Recipe, changed: str) -> None:
    before = images.key_of(recipe, base=BASE)
    with (recipe.context / changed).open("a") as file:
        file.write("\n# changed\n")
    assert images.key_of(recipe, base=BASE) != before


def test_a_file_that_is_not_copied_does_not_matter(recipe: Recipe) -> None:
    before = images.key_of(recipe, base=BASE)
    (recipe.context / "other.txt").write_text("changed")
    assert images.key_of(recipe, base=BASE) == before


def test_arguments_base_and_ignore_file_matter(recipe: Recipe) -> None:
    other = Recipe(recipe.name, recipe.containerfile, recipe.context, {"RUNTIME": "onnx"})
    keys = {
        images.key_of(recipe, base=BASE),
        images.key_of(other, base=BASE),
        images.key_of(recipe, base=Path("b")),
    }
    (recipe.context / "Containerfile.ignore").write_text("*.pyc\n")
    keys.add(images.key_of(recipe, base=BASE))
    assert len(keys) == 4


def test_a_missing_source_is_named(recipe: Recipe) -> None:
    (recipe.context / "a.txt").unlink()
    with pytest.raises(LabError, match=r"copies what is not there: .*a\.txt"):
        images.key_of(recipe, base=BASE)


def test_an_unknown_runtime_names_the_known() -> None:
    with pytest.raises(LabError, match="unknown runtime 'torch'; known: sklearn, xgboost, onnx"):
        images.runtime_recipe("torch")


def test_pip_in_a_build_finds_what_pip_here_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheels, bundle = tmp_path / "wheels", tmp_path / "ca.crt"
    wheels.mkdir()
    bundle.write_text("")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_INDEX_URL", "https://pypi.example/simple")
    monkeypatch.setenv("PIP_CERT", str(bundle))
    volumes = images.pip_volumes(tmp_path)
    assert f"{bundle}:/run/lab-ca.crt:ro" in volumes
    assert f"{wheels}:{wheels}:ro" in volumes
    lines = (tmp_path / "pip.conf").read_text().splitlines()
    assert {"cert = /run/lab-ca.crt", "index-url = https://pypi.example/simple"} <= set(lines)
    assert f"find-links = {wheels}" in lines
