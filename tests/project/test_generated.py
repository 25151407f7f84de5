"""Generated files are up to date, and everything that the README names exists."""

from __future__ import annotations

import re
import tomllib

import pytest

from seatrial.codegen import diagram, generate
from tests.project.source import ROOT

README = ROOT / "README.md"


@pytest.mark.parametrize(("path", "text"), list(generate.documents()), ids=lambda value: str(value)[:60])
def test_generated_file_is_up_to_date(path: str, text: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == text, "run: make generate"


def _readme() -> str:
    if not README.exists():
        pytest.skip("there is no README yet")
    return README.read_text(encoding="utf-8")


def test_readme_diagram_is_up_to_date() -> None:
    text = _readme()
    if diagram.START not in text:
        pytest.skip("the README has no diagram yet")
    assert diagram.replace_diagram(text) == text, "run: make generate"


def test_readme_names_only_existing_make_targets() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    assert set(re.findall(r"`?\bmake ([a-z][a-z-]+)", _code(_readme()))) <= targets


def test_readme_names_only_existing_commands() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    commands = re.findall(r"^\s*(?:\$ )?(seatrial[a-z-]*|kubectl-seatrial)\b", _code(_readme()), re.MULTILINE)
    assert set(commands) <= set(scripts)


def test_readme_links_only_to_existing_files() -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", _readme())
    assert [path for path in links if not (ROOT / path).exists()] == []


def _code(text: str) -> str:
    """Return the text of code blocks and inline code."""
    return "\n".join([*re.findall(r"```.*?```", text, re.DOTALL), *re.findall(r"`[^`\n]+`", text)])
