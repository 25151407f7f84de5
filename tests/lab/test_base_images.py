"""The mirror that base images are made from is Debian's, and this machine's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster import base_images

VENDOR = "Types: deb\nURIs: https://java.example/artifactory/deb\nSuites: bookworm\n"
DEBIAN = "Types: deb\nURIs: http://mirror.example/debian\n\nTypes: deb\nURIs: http://mirror.example/debian-security\n"


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"adoptium.sources": VENDOR, "debian.sources": DEBIAN}, ["http://mirror.example/debian"]),
        ({"adoptium.sources": VENDOR}, []),
        ({}, []),
    ],
    ids=["beside a vendor's", "a vendor's alone", "none"],
)
def test_the_mirror_is_debians(tmp_path: Path, files: dict[str, str], found: list[str]) -> None:
    (tmp_path / "sources.list.d").mkdir()
    for name, text in files.items():
        (tmp_path / "sources.list.d" / name).write_text(text)
    assert base_images._mirror(tmp_path) == found
