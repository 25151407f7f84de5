"""The product's messages and docstrings use the field's terms.

The list has only words that can be matched without false alarms; whether a sentence reads well needs a reader.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.project.source import PRODUCT, File, files

PREFERRED: dict[str, str] = {
    r"\bwish(es|ed)?\b": "target, desired",
    r"\bretreats?\b|\b(way|ways) (back|home)\b|\b(go|goes|going|went) home\b": "roll back, rollback",
    r"\bstrangers?\b": "other revisions",
    r"\bsetbacks?\b": "apply error",
    r"\b(is|are|was|be) told\b|\bcomplain(s|ed)?\b": "report, emit an Event",
    r"\b(is|are|was) on (its|their) way\b": "starts, is starting",
    r"\bhas (\d+|\{\}) ?%": "receives N % of traffic",
    r"\bwithout its middle\b": "truncated to N characters",
    r"\bso many (are|is) allowed\b": "limit reached",
    r"\bmend(s|ed)?\b": "correct, fix",
}
"""Pattern → the term to use instead. In an f-string `{}` stands for a value."""


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of every string and f-string."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
            yield node.lineno, "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        else:
            yield from texts(node)


def findings(tree: ast.AST) -> list[str]:
    """Return every discouraged term with its line and the preferred term."""
    return [
        f"line {line}: {match[0]!r}; use: {preferred}"
        for line, text in texts(tree)
        for pattern, preferred in PREFERRED.items()
        if (match := re.search(pattern, " ".join(text.split()), re.IGNORECASE))
    ]


@pytest.mark.parametrize("file", files(*PRODUCT), ids=lambda f: f.name)
def test_product_strings_use_the_preferred_terms(file: File) -> None:
    assert findings(file.tree) == []


@pytest.mark.parametrize(
    ("source", "count"),
    [
        pytest.param('"""The wish."""', 1, id="docstring"),
        pytest.param('f"canary {revision} has {weight} % since {time}"', 1, id="f-string"),
        pytest.param('"canary 9f3c is on its way"', 1, id="message"),
        pytest.param('"canary 9f3c: 25 % of traffic, next step 50 %"', 0, id="preferred terms"),
        pytest.param("wish = 1  # has 25 %", 0, id="names and comments"),
    ],
)
def test_discouraged_terms_are_found_in_strings_only(source: str, count: int) -> None:
    assert len(findings(ast.parse(source))) == count
