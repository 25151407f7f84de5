"""Options of all tests."""

from __future__ import annotations

import pytest

pytest_plugins = ["tests.cluster.fixtures"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` writes the golden folders anew; review them as a diff."""
    parser.addoption("--update-golden", action="store_true", help="write tests/golden anew")
