"""The repository's files, functions and imports, for the tests of the project's rules."""

from __future__ import annotations

import ast
import functools
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("operator/seatrial", "model_runtime")
PURE = tuple(
    f"operator/seatrial/{name}"
    for name in ("api", "core", "manifests", "routers", "builders", "observation", "children", "reporting")
)
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class File:
    """One Python file."""

    path: Path

    @property
    def name(self) -> str:
        """Return its path in the repository."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def lines(self) -> list[str]:
        """Return its lines."""
        return self.path.read_text(encoding="utf-8").splitlines()

    @property
    def tree(self) -> ast.Module:
        """Return its syntax tree."""
        return _parsed(self.path)

    def functions(self) -> Iterator[Function]:
        """Yield every function and method."""
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                yield node

    def imports(self) -> Iterator[str]:
        """Yield the dotted name of every imported module and name."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            if isinstance(node, ast.ImportFrom):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)

    def is_exempt(self, line: int) -> bool:
        """Return whether this line or the one before it has a `# long: ` comment with a reason."""
        return any("# long: " in text for text in self.lines[max(line - 2, 0) : line])


@functools.cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def files(*folders: str) -> list[File]:
    """Return the Python files below the folders, sorted by path."""
    return [File(path) for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def tracked() -> list[Path]:
    """Return every file that git tracks."""
    output = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for name in output.stdout.splitlines() if (path := ROOT / name).is_file()]
