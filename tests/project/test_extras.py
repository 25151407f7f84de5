"""An extra installs what its program imports, the lazy imports too, and nothing else."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from tests.project.source import ROOT, File, files

PACKAGES = {"seatrial": ROOT / "operator/seatrial", "model_runtime": ROOT / "model_runtime"}
PLUGINS = ("operator/seatrial/routers", "operator/seatrial/builders")
"""What is found by its name at run time, and imported by nobody."""
PART_OF = {"pydantic-core": "pydantic"}
"""Distributions that another one brings along in the one version that it goes with."""


def reached(start: list[File]) -> list[File]:
    """The files of ours that are imported from these, and they themselves."""
    found: dict[Path, File] = {}
    waiting = list(start)
    while waiting:
        file = waiting.pop()
        if file.path not in found:
            found[file.path] = file
            waiting += [File(path) for name in file.imports() for path in ours(name)]
    return list(found.values())


def ours(name: str) -> Iterator[Path]:
    """The file of a dotted name, and those of the packages around it; none for what is not ours."""
    first, *below = name.split(".")
    folder = PACKAGES.get(first)
    for part in below if folder is not None else ():
        yield folder / "__init__.py"
        if (module := folder / f"{part}.py").is_file():
            yield module
            return
        if not (folder / part).is_dir():
            return
        folder = folder / part


def imported(start: list[File]) -> set[str]:
    """The distributions of others that are imported from these files on, in normal form."""
    owners = metadata.packages_distributions()
    roots = {name.split(".")[0] for file in reached(start) for name in file.imports()}
    others = roots - sys.stdlib_module_names - PACKAGES.keys()
    found = {normal(owner) for root in others for owner in owners[root]}
    return {PART_OF.get(name, name) for name in found}


def declared(extra: str) -> set[str]:
    """The distributions that an extra names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"][extra]]
    return {normal(re.split(r"[\s<>=!~\[;]", line, maxsplit=1)[0]) for line in lines}


def normal(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize(
    ("extra", "start"),
    [
        pytest.param("cli", files("operator/seatrial/cli"), id="seatrial plan and decide"),
        pytest.param("operator", [File(ROOT / "operator/seatrial/main.py")], id="the operator"),
    ],
)
def test_extra_declares_exactly_what_its_program_imports(extra: str, start: list[File]) -> None:
    assert declared(extra) == imported([*start, *files(*PLUGINS)])


def test_import_inside_a_function_is_found() -> None:
    http = ROOT / "operator/seatrial/kube/http.py"
    assert http in {file.path for file in reached([File(ROOT / "operator/seatrial/cli/cluster.py")])}
