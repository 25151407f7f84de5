"""The Secret that spec.model.credentials names, as it is mounted: one file a key."""

from __future__ import annotations

from pathlib import Path
from typing import Final

SECRET: Final = "the Secret in spec.model.credentials"  # noqa: S105 - a field's name
_LARGEST: Final = 64 << 10


def named(folder: Path) -> str:
    """How to speak of the Secret, which may not be there."""
    return SECRET if folder.is_dir() else f"{SECRET}, which names none"


def read(folder: Path) -> dict[str, str]:
    """Its keys and values, without the blanks that editors leave at their ends."""
    if not folder.is_dir():
        return {}
    files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith("..")]
    return {path.name: path.read_text(errors="replace")[:_LARGEST].strip() for path in files}
