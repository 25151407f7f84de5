"""How much is shown of what is built."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.project.source import PRODUCT, File, files

LEAST = 1.5
"""Lines of tests for each line of the product."""


def lines_of(found: Iterable[File]) -> int:
    """The lines that are not empty."""
    return sum(1 for file in found for line in file.lines if line.strip())


def product() -> list[File]:
    """Return every file that is shipped."""
    return files(*PRODUCT)


def test_there_are_at_least_1_5_lines_of_tests_per_line_of_product() -> None:
    ours, shown = lines_of(product()), lines_of(files("tests"))
    print(f"product {ours} lines, tests {shown}: {shown / ours:.2f} ×")
    assert shown >= LEAST * ours, f"{shown} lines of tests for {ours} of the product: {shown / ours:.2f} ×"


@pytest.mark.parametrize(
    "part", ["operator/seatrial/core/", "operator/seatrial/kube/", "model_runtime/server/"]
)
def test_every_product_package_is_counted(part: str) -> None:
    assert any(file.name.startswith(part) for file in product())
