"""Where things are: in the image that the build made, or in a bare model folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from model_runtime import contract, failures, formats
from model_runtime.contract import ModelCard
from model_runtime.formats import Signature, Tensors
from model_runtime.server.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A model's files, and what the build knows about them."""

    name: str
    version: str
    format: str
    model: Path
    files: Path
    """The folder with all that came from the source: the model, its example if it has one."""
    signature: Signature | None = None
    """None: the model's own."""
    bento: Path | None = None
    allow_pickle: bool = False

    def example(self, signature: Signature) -> Tensors:
        """An input that the model should be able to answer."""
        return formats.example(self.model, signature, within=self.files)


def of(wanted: Settings) -> Place:
    """The place of the model that is to be served; `failures.LoadFailed` when the image is no build's."""
    return _built(wanted.image_folder) if wanted.model_folder is None else _bare(wanted)


def _built(folder: Path) -> Place:
    try:
        card = ModelCard.from_json(_within(folder, contract.CARD_FILE).read_text())
        signature = Signature.from_json(_within(folder, contract.SIGNATURE_FILE).read_text())
    except (OSError, ValueError, TypeError) as error:
        raise failures.LoadFailed(f"the image has no model that this server knows: {error}") from error
    files = _within(folder, contract.MODEL_FOLDER)
    return Place(
        name=card.name,
        version=card.build_id,
        format=card.format,
        model=files / card.path,
        files=files,
        signature=signature,
        bento=_within(folder, contract.BENTO_FOLDER),
        allow_pickle=card.allow_pickle,
    )


def _within(folder: Path, in_image: str) -> Path:
    return folder / PurePosixPath(in_image).relative_to(contract.IMAGE_FOLDER)


def _bare(wanted: Settings) -> Place:
    folder = wanted.model_folder or Path()
    found = formats.detect(folder)
    return Place(
        name="model",
        version="local",
        format=found.format,
        model=found.path,
        files=folder,
        allow_pickle=wanted.allow_pickle,
    )
