"""An image is built again exactly when one of its inputs has changed."""

import os
from pathlib import Path

import pytest

from tests.cluster import base_images, images
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


def version_of(folder: Path, name: str, *, age: int, blobs: dict[str, str] | None = None) -> Path:
    """A version of an image in the cache."""
    made = folder / name
    (made / "blobs" / "sha256").mkdir(parents=True)
    for digest, content in (blobs or {}).items():
        (made / "blobs" / "sha256" / digest).write_text(content)
    os.utime(made, (1_000_000 - age, 1_000_000 - age))
    return made


def test_of_an_images_versions_the_newest_stay(tmp_path: Path) -> None:
    new, older, oldest = (version_of(tmp_path, f"app-{age}", age=age) for age in (0, 1, 2))
    other = version_of(tmp_path, "other-1", age=100)
    images._forget_old(tmp_path, "app", keep=new)
    assert [path.exists() for path in (new, older, oldest, other)] == [True, True, False, True]


def test_the_version_in_use_stays_however_old(tmp_path: Path) -> None:
    used = version_of(tmp_path, "app-used", age=100)
    newer, newest = (version_of(tmp_path, f"app-{age}", age=age) for age in (1, 0))
    images._forget_old(tmp_path, "app", keep=used)
    assert [path.exists() for path in (used, newest, newer)] == [True, True, False]


def test_a_layer_that_two_images_have_is_one_file(tmp_path: Path) -> None:
    first = version_of(tmp_path, "one-1", age=1, blobs={"aaa": "shared", "bbb": "own"})
    folder = tmp_path / ".two-1.spare"  # where it is made, beside the others
    second = version_of(folder, "two-1", age=0, blobs={"aaa": "shared", "ccc": "own too"})
    images._share_blobs(second)
    one, two = (path / "blobs" / "sha256" for path in (first, second))
    assert (one / "aaa").samefile(two / "aaa")
    assert (two / "ccc").stat().st_nlink == 1


def test_without_root_building_an_image_says_what_else_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match="needs root; with docker or podman build the Containerfiles instead"):
        images._check_machine()


def test_a_full_disk_is_said_before_anything_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(images, "DISK_NEEDED", 1 << 60)
    with pytest.raises(LabError, match=r"GiB free; make room or set XDG_CACHE_HOME"):
        images._check_machine()


@pytest.mark.parametrize(
    ("refusals", "tries", "words"),
    [
        pytest.param([], 1, "", id="it is built"),
        pytest.param(["sealing memfd: busy"], 2, "", id="a step did not start, and does when tried again"),
        pytest.param(["sealing memfd", "sealing memfd"], 2, "sealing memfd", id="it never starts"),
        pytest.param(["no such package"], 1, "no such package", id="a mistake is not tried again"),
    ],
)
def test_a_build_is_tried_again_when_it_did_not_even_start(
    refusals: list[str], tries: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def buildah(command: str, *_arguments: str) -> str:
        asked.append(command)
        if len(asked) <= len(refusals):
            raise LabError(refusals[len(asked) - 1])
        return ""

    monkeypatch.setattr(images, "_buildah", buildah)
    if words:
        with pytest.raises(LabError, match=words):
            images._bud("x")
    else:
        images._bud("x")
    assert asked == ["bud"] * tries


@pytest.mark.parametrize("runtime", images.RUNTIMES)
def test_what_the_containerfiles_copy_is_there(runtime: str) -> None:
    recipe = images.runtime_recipe(runtime)
    assert recipe.sources()
    assert images.key_of(recipe, base=BASE) == images.key_of(recipe, base=BASE)
    assert recipe.arguments == {"RUNTIME": runtime}


def test_pip_without_a_configuration_asks_its_own_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "_pip_config", list)
    monkeypatch.setattr(images, "_authority", lambda: None)
    assert images.pip_volumes(tmp_path) == [f"{tmp_path}/pip.conf:/etc/pip.conf:ro"]
    assert (tmp_path / "pip.conf").read_text() == "[global]\ndisable-pip-version-check = true\n"


@pytest.mark.parametrize(
    ("line", "setting"),
    [
        pytest.param("global.index-url='https://pypi.example/simple'", "index-url", id="of a file"),
        pytest.param(":env:.index-url='https://pypi.example/simple'", "index-url", id="of the environment"),
        pytest.param("install.user='true'", "", id="one that is not about places"),
        pytest.param("global.find-links='a\\nb'", "", id="one of several lines"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_of_pips_settings_those_about_places_are_taken(
    line: str, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "_pip_config", lambda: [line])
    wanted = {setting: "https://pypi.example/simple"} if setting else {}
    assert images._pip_settings() == wanted


def test_the_base_is_made_anew_for_another_suite_or_package(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(base_images.cache, "made", lambda target, _make: made.append(target.name) or target)
    base_images.python_base()
    monkeypatch.setattr(base_images.versions, "BASE_SUITE", "trixie")
    base_images.python_base()
    monkeypatch.setattr(base_images.versions, "BASE_PACKAGES", ("python3",))
    base_images.python_base()
    base_images.python_base()
    assert len(set(made)) == 3
    assert len(made) == 4
