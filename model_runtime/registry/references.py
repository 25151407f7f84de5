"""Names of images and repositories, completed as container runtimes complete them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

DOCKER_HUB: Final = "registry-1.docker.io"
_PATH: Final = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")
_TAG: Final = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_HOST: Final = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
LONGEST: Final = 1024
"""Characters of a whole name; registries allow 255 for its path."""


@dataclass(frozen=True, slots=True)
class Reference:
    """`host/path`, with a tag or a digest when it names one image."""

    host: str
    path: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the parts of `[host/]path[:tag][@digest]`; `ValueError` says what is wrong with the text."""
        if len(text) > LONGEST:
            raise ValueError(
                f"{text[:40]!r}… is not an image name: it has {len(text)} characters, more than {LONGEST}"
            )
        rest, at_sign, digest = text.partition("@")
        if at_sign and not DIGEST.fullmatch(digest):
            raise ValueError(f"{text!r} has no digest of the form sha256:<64 hex digits>")
        first, _, path = rest.partition("/")
        if not path or not ("." in first or ":" in first or first == "localhost"):
            first, path = "docker.io", rest
        path, tag = _split_tag(path)
        if not (_is_host(first) and _PATH.fullmatch(path)) or (tag and not _TAG.fullmatch(tag)):
            raise ValueError(
                f"{text!r} is not an image name: expected host/path in lower case, then :tag or @sha256:…"
            )
        return cls(*_completed(first, path), tag, digest)

    @property
    def repository(self) -> str:
        """Return `host/path`."""
        return f"{self.host}/{self.path}"

    @property
    def version(self) -> str:
        """Return what to request from the registry: the digest, else the tag, else `latest`."""
        return self.digest or self.tag or "latest"

    def __str__(self) -> str:
        return self.repository + (f"@{self.digest}" if self.digest else f":{self.version}")


def _is_host(text: str) -> bool:
    port = text.rpartition(":")[2]
    return bool(_HOST.fullmatch(text)) and not (port.isdigit() and text != port and int(port) > 65535)


def _split_tag(path: str) -> tuple[str, str]:
    base, _, tag = path.rpartition(":")
    return (base, tag) if base and tag and "/" not in tag else (path, "")


def _completed(host: str, path: str) -> tuple[str, str]:
    if host in ("docker.io", "index.docker.io"):
        return DOCKER_HUB, path if "/" in path else f"library/{path}"
    return host, path
