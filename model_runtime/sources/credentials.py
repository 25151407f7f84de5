"""The Secret that spec.model.credentials names, as it is mounted: one file for each key."""

from __future__ import annotations

from pathlib import Path
from typing import Final

SECRET: Final = "the Secret in spec.model.credentials"  # noqa: S105 - the name of a field
_SIZE_LIMIT: Final = 64 << 10


def description(folder: Path) -> str:
    """Return how messages name the Secret, also when the spec names none."""
    return SECRET if folder.is_dir() else f"{SECRET} (none is named)"


def read(folder: Path) -> dict[str, str]:
    """Return its keys and values, without the whitespace that editors add at the end."""
    if not folder.is_dir():
        return {}
    files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith("..")]
    return {path.name: path.read_text(errors="replace")[:_SIZE_LIMIT].strip() for path in files}
