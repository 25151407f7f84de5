"""Each extra declares exactly what its program imports, including imports inside functions."""

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
"""Packages that are loaded by name at run time and imported by no module."""
PART_OF = {"pydantic-core": "pydantic"}
"""Distributions that another distribution pins as a part of itself."""


def reached(start: list[File]) -> list[File]:
    """Return these files and all files of the project that they import, directly or not."""
    found: dict[Path, File] = {}
    waiting = list(start)
    while waiting:
        file = waiting.pop()
        if file.path not in found:
            found[file.path] = file
            waiting += [File(path) for name in file.imports() for path in project_files(name)]
    return list(found.values())


def project_files(name: str) -> Iterator[Path]:
    """Yield the file of a dotted name and of its packages; nothing for a name outside the project."""
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
    """Return the third-party distributions that these files import, in normalized form."""
    owners = metadata.packages_distributions()
    roots = {name.split(".")[0] for file in reached(start) for name in file.imports()}
    third_party = roots - sys.stdlib_module_names - PACKAGES.keys()
    found = {normalized(owner) for root in third_party for owner in owners[root]}
    return {PART_OF.get(name, name) for name in found}


def declared(extra: str) -> set[str]:
    """Return the distributions that an extra declares."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"][extra]]
    return {normalized(re.split(r"[\s<>=!~\[;]", line, maxsplit=1)[0]) for line in lines}


def normalized(name: str) -> str:
    """Return a distribution's name as package indexes compare it."""
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
