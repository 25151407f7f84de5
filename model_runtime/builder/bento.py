"""A Bento around the model: made by BentoML itself, then freed of what differs from build to build.

The service's code is the runtime's; the model's files join it under `src/model` in a layer of their own, so
that the Bento in the image is whole, and its weights are neither copied here nor sent twice.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

SERVICE: Final = '''"""Serves the model beside this file."""

from model_runtime.server.bento_service import ModelServer

__all__ = ["ModelServer"]
'''
_CREATED: Final = re.compile(r"^creation_time: .*$", re.MULTILINE)


def build(name: str, version: str, *, date: int, context: Path, into: Path) -> None:
    """The Bento `name:version` stands in the folder `into`, the same for the same arguments."""
    import bentoml

    context.mkdir(parents=True, exist_ok=True)
    (context / "service.py").write_text(SERVICE)
    with _no_installer(context.parent / f"{context.name}-bin"):
        made = bentoml.build(
            "service:ModelServer",
            name=name,
            version=version,
            description=f"The model deployment {name}, build {version}.",
            include=["service.py"],
            build_ctx=str(context),
            python={"lock_packages": False},
        )
    shutil.copytree(made.path, into)
    _normalise(into / "bento.yaml", date)


@contextmanager
def _no_installer(folder: Path) -> Iterator[None]:
    """BentoML finds an `uv`, which refuses to work, in `folder`.

    It looks for one although nothing is locked and nothing will be called, and would install it from the
    internet, which a build pod need not have.
    """
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "uv"
    program.write_text("#!/bin/sh\necho 'packages are not locked here' >&2\nexit 64\n")
    program.chmod(0o755)
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = f"{folder}:{before}"
    try:
        yield
    finally:
        os.environ["PATH"] = before


def _normalise(described: Path, date: int) -> None:
    created = datetime.fromtimestamp(date, UTC).isoformat()
    described.write_text(_CREATED.sub(f"creation_time: '{created}'", described.read_text()))
