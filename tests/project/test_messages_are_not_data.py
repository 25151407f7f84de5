"""Messages are not data: product code neither compares a message with a text nor parses it."""

from __future__ import annotations

import ast

import pytest

from tests.project.source import PRODUCT, File, files

API_SERVER_MESSAGES = {"operator/seatrial/kube/failures.py"}
"""Files that may match messages: those of the API server, for causes without a field."""
PARSING = {"startswith", "endswith", "split", "partition", "rpartition", "find", "index", "removeprefix"}


def message_uses(tree: ast.AST) -> list[int]:
    """Return the lines that compare a `message` with a text or parse one."""
    return [node.lineno for node in ast.walk(tree) if isinstance(node, ast.expr) and _uses_message(node)]


def _uses_message(node: ast.expr) -> bool:
    if isinstance(node, ast.Compare):
        operands = [node.left, *node.comparators]
        has_text = any(isinstance(operand, ast.Constant) and operand.value for operand in operands)
        return has_text and any(map(_is_message, operands))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in PARSING and _is_message(node.func.value)
    return False


def _is_message(node: ast.expr) -> bool:
    key = node.slice if isinstance(node, ast.Subscript) else None
    is_item = isinstance(key, ast.Constant) and key.value == "message"
    return is_item or (isinstance(node, ast.Attribute) and node.attr == "message")


@pytest.mark.parametrize("file", files(*PRODUCT), ids=lambda f: f.name)
def test_product_code_does_not_compare_or_parse_messages(file: File) -> None:
    assert file.name in API_SERVER_MESSAGES or message_uses(file.tree) == []


@pytest.mark.parametrize(
    ("source", "count"),
    [
        pytest.param('"quota" in error.message', 1, id="contains"),
        pytest.param('status["message"] == "healthy"', 1, id="equals"),
        pytest.param('status.message.partition(";")', 1, id="takes apart"),
        pytest.param('status.message == ""', 0, id="is empty"),
        pytest.param("before.message != after.message", 0, id="has changed"),
    ],
)
def test_uses_of_a_message_as_data_are_found(source: str, count: int) -> None:
    assert len(message_uses(ast.parse(source))) == count
