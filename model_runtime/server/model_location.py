"""Where the files of the model are: in the image that the build made, or in a bare folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from model_runtime import contract, failures, formats
from model_runtime.contract import ModelCard
from model_runtime.formats import Signature, Tensors
from model_runtime.server.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLocation:
    """The files of a model, and what the build found out about them."""

    name: str
    version: str
    format: str
    model: Path
    files: Path
    """The folder with everything from the source: the model, and its example if it has one."""
    signature: Signature | None = None
    """None: the model's own."""
    bento: Path | None = None
    allow_pickle: bool = False

    def example(self, signature: Signature) -> Tensors:
        """Return an input that the model should be able to predict from."""
        return formats.example(self.model, signature, within=self.files)


def locate(settings: Settings) -> ModelLocation:
    """Return the location of the model to serve; `failures.LoadFailed` when the image has none."""
    return _in_image(settings.image_folder) if settings.model_folder is None else _in_folder(settings)


def _in_image(folder: Path) -> ModelLocation:
    try:
        card = ModelCard.from_json(_path(folder, contract.CARD_FILE).read_text())
        signature = Signature.from_json(_path(folder, contract.SIGNATURE_FILE).read_text())
    except (OSError, ValueError, TypeError) as error:
        raise failures.LoadFailed(f"the image has no model that this server can read: {error}") from error
    files = _path(folder, contract.MODEL_FOLDER)
    return ModelLocation(
        name=card.name,
        version=card.build_id,
        format=card.format,
        model=files / card.path,
        files=files,
        signature=signature,
        bento=_path(folder, contract.BENTO_FOLDER),
        allow_pickle=card.allow_pickle,
    )


def _path(folder: Path, path_in_image: str) -> Path:
    return folder / PurePosixPath(path_in_image).relative_to(contract.IMAGE_FOLDER)


def _in_folder(settings: Settings) -> ModelLocation:
    folder = settings.model_folder or Path()
    detected = formats.detect(folder)
    return ModelLocation(
        name="model",
        version="local",
        format=detected.format,
        model=detected.path,
        files=folder,
        allow_pickle=settings.allow_pickle,
    )
