"""Build a Bento around the model with BentoML, and remove what differs from build to build.

The code of the service is the runtime's. The files of the model are added under `src/model` in a layer of their
own, so that the Bento in the image is complete, and its weights are neither copied here nor pushed twice.
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


def build(name: str, version: str, *, date: int, context: Path, target: Path) -> None:
    """Write the Bento `name:version` to the folder `target`; the same arguments make the same Bento."""
    import bentoml

    context.mkdir(parents=True, exist_ok=True)
    (context / "service.py").write_text(SERVICE)
    with _without_installer(context.parent / f"{context.name}-bin"):
        bento = bentoml.build(
            "service:ModelServer",
            name=name,
            version=version,
            description=f"The model deployment {name}, build {version}.",
            include=["service.py"],
            build_ctx=str(context),
            python={"lock_packages": False},
        )
    shutil.copytree(bento.path, target)
    _set_creation_time(target / "bento.yaml", date)


@contextmanager
def _without_installer(folder: Path) -> Iterator[None]:
    """Put a program `uv` that always fails first in PATH.

    BentoML looks for uv although no packages are locked and uv is never run, and would install it from the
    internet, which a build pod need not reach.
    """
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "uv"
    program.write_text("#!/bin/sh\necho 'packages are not locked here' >&2\nexit 64\n")
    program.chmod(0o755)
    path = os.environ.get("PATH", "")
    os.environ["PATH"] = f"{folder}:{path}"
    try:
        yield
    finally:
        os.environ["PATH"] = path


def _set_creation_time(bento_yaml: Path, date: int) -> None:
    created = datetime.fromtimestamp(date, UTC).isoformat()
    bento_yaml.write_text(_CREATED.sub(f"creation_time: '{created}'", bento_yaml.read_text()))
