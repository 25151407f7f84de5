"""Where things are: in the image that the build made, or in a bare model folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from model_runtime import formats
from model_runtime.formats import Signature, Tensors
from model_runtime.server.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A model's files, and what the build knows about them."""

    name: str
    version: str
    format: str
    model: Path
    examples: Path
    """The folder with the model's example, if it has one."""
    signature: Signature | None = None
    """None: the model's own."""
    bento: Path | None = None
    allow_pickle: bool = False

    def example(self, signature: Signature) -> Tensors:
        """An input that the model should be able to answer."""
        return formats.example(self.examples, signature)


def of(wanted: Settings) -> Place:
    """The place of the model that is to be served."""
    if wanted.model_folder is None:
        raise NotImplementedError
    found = formats.detect(wanted.model_folder)
    return Place(
        name="model",
        version="local",
        format=found.format,
        model=found.path,
        examples=wanted.model_folder,
        allow_pickle=wanted.allow_pickle,
    )
