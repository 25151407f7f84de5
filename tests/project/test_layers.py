"""The import rules of the layers, and the modules and calls that pure packages must not use."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.project.source import PURE, ROOT, File, files

FORBIDDEN = {
    "aiohttp",
    "asyncio",
    "http",
    "io",
    "kopf",
    "kubernetes",
    "logging",
    "os",
    "random",
    "secrets",
    "shutil",
    "socket",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib.request",
    "uuid",
}
CLOCKS = {"now", "utcnow", "today", "fromtimestamp"}
PURE_FILES = files(*PURE)


def test_imports_respect_the_layers() -> None:
    program = ROOT / ".venv/bin/lint-imports"
    command = [str(program)] if program.exists() else [sys.executable, "-m", "importlinter.cli"]
    result = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env={"PYTHONPATH": "operator:."}
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("file", PURE_FILES, ids=lambda f: f.name)
def test_pure_module_has_no_io_no_clock_and_no_async(file: File) -> None:
    roots = {name for name in file.imports() if name.split(".")[0] in FORBIDDEN or name in FORBIDDEN}
    assert not roots
    for node in ast.walk(file.tree):
        assert not isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith)
        assert not (isinstance(node, ast.Call) and _does_io_or_reads_the_clock(node)), f"line {node.lineno}"


def _does_io_or_reads_the_clock(call: ast.Call) -> bool:
    function = call.func
    if isinstance(function, ast.Name):
        return function.id in {"open", "print", "input"}
    if not isinstance(function, ast.Attribute) or function.attr not in CLOCKS:
        return False
    return isinstance(function.value, ast.Name) and function.value.id in {"datetime", "date"}


@pytest.mark.parametrize("file", files("operator/seatrial"), ids=lambda f: f.name)
def test_only_main_and_handlers_import_kopf_and_only_kube_imports_kubernetes(file: File) -> None:
    roots = {name.split(".")[0] for name in file.imports()}
    inside = file.name.removeprefix("operator/seatrial/")
    if inside not in {"main.py", "handlers.py"}:
        assert "kopf" not in roots
    if not inside.startswith("kube/"):
        assert "kubernetes" not in roots
