"""A Bento around the model: made by BentoML itself, then freed of what differs from build to build.

The service's code is the runtime's; the model's files join it under `src/model` in a layer of their own, so
that the Bento in the image is whole, and its weights are neither copied here nor sent twice.
"""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

SERVICE: Final = '''"""Serves the model beside this file."""

from model_runtime.server.service import ModelServer

__all__ = ["ModelServer"]
'''
_CREATED: Final = re.compile(r"^creation_time: .*$", re.MULTILINE)


def build(name: str, version: str, *, date: int, context: Path, into: Path) -> None:
    """The Bento `name:version` stands in the folder `into`, the same for the same arguments."""
    import bentoml

    context.mkdir(parents=True, exist_ok=True)
    (context / "service.py").write_text(SERVICE)
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


def _normalise(described: Path, date: int) -> None:
    created = datetime.fromtimestamp(date, UTC).isoformat()
    described.write_text(_CREATED.sub(f"creation_time: '{created}'", described.read_text()))
