"""Regular expressions with the same meaning in Python and in the API server's CEL (RE2)."""

from __future__ import annotations

import re


def matches(pattern: str, text: str) -> bool:
    """Return whether `text` contains `pattern`; `$` is the end of the text as in RE2, not before a final newline."""
    strict = pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern
    return re.search(strict, text, re.ASCII) is not None


def literal(pattern: str) -> str:
    """Return `pattern` as a CEL string literal."""
    return "'" + pattern.replace("\\", "\\\\").replace("'", "\\'") + "'"
