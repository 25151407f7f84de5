"""Regular expressions that mean the same here and in the API server's CEL (RE2)."""

from __future__ import annotations

import re


def matches(pattern: str, text: str) -> bool:
    """Whether `pattern` is found in `text`; `$` is the very end, as in RE2, never before a last line break."""
    strict = pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern
    return re.search(strict, text, re.ASCII) is not None


def literal(pattern: str) -> str:
    """`pattern` as a CEL string."""
    return "'" + pattern.replace("\\", "\\\\").replace("'", "\\'") + "'"
