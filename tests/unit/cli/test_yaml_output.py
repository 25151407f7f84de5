"""Output that other YAML parsers read with the same types."""

from __future__ import annotations

import pytest

from seatrial.cli import yaml_output


@pytest.mark.parametrize("revision", ["0123456789", "1234567890", "1234567e12", "12345e6789"])
def test_a_string_that_kubectl_would_read_as_a_number_is_quoted(revision: str) -> None:
    assert yaml_output.to_yaml({"revision": revision}) == f"revision: '{revision}'\n"


def test_numbers_and_other_strings_are_not_quoted() -> None:
    assert yaml_output.to_yaml({"step": 1, "share": 0.5, "revision": "369714a227"}) == (
        "step: 1\nshare: 0.5\nrevision: 369714a227\n"
    )
