"""The ratio of test code to product code."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.project.source import PRODUCT, File, files

MINIMUM_RATIO = 1.5
"""Lines of tests per line of product."""


def lines_of(counted: Iterable[File]) -> int:
    """Return the number of non-empty lines."""
    return sum(1 for file in counted for line in file.lines if line.strip())


def product() -> list[File]:
    """Return every file that is shipped."""
    return files(*PRODUCT)


def test_there_are_at_least_1_5_lines_of_tests_per_line_of_product() -> None:
    product_lines, test_lines = lines_of(product()), lines_of(files("tests"))
    print(f"product {product_lines} lines, tests {test_lines}: {test_lines / product_lines:.2f} ×")
    assert test_lines >= MINIMUM_RATIO * product_lines, (
        f"{test_lines / product_lines:.2f} lines of tests per line"
    )


@pytest.mark.parametrize(
    "part", ["operator/seatrial/core/", "operator/seatrial/kube/", "model_runtime/server/"]
)
def test_every_product_package_is_counted(part: str) -> None:
    assert any(file.name.startswith(part) for file in product())
