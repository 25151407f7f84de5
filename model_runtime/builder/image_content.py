"""The files of the image, and the layers that contain them: one for the weights, a small one for the rest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path, PurePosixPath

from model_runtime import contract
from model_runtime.builder.folders import Folders
from model_runtime.builder.trial_runner import TrialResult
from model_runtime.contract import BuildRequest, ModelCard
from model_runtime.registry import layers
from model_runtime.registry.image_builder import Additions

ENVIRONMENT = {"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": "/tmp/bentoml"}  # noqa: S108 - the pod's own


def bento_folder(folders: Folders) -> Path:
    """Return where the Bento is staged."""
    return _staged(folders, contract.BENTO_FOLDER)


def stage(folders: Folders, card: ModelCard, trial: TrialResult) -> None:
    """Write what the server reads beside the Bento."""
    _staged(folders, contract.CARD_FILE).write_text(card.to_json())
    _staged(folders, contract.SIGNATURE_FILE).write_text(trial.signature)
    reference = json.dumps(trial.reference, sort_keys=True, ensure_ascii=False)
    _staged(folders, contract.REFERENCE_FILE).write_text(reference)
    shutil.copy(bento_folder(folders) / "apis" / "schema.json", _staged(folders, contract.SCHEMA_FILE))


def additions(folders: Folders, request: BuildRequest, card: ModelCard, *, source: str) -> Additions:
    """Return the layers with the model and its Bento, and the command, environment and labels of the image."""
    model = layers.layer_of(
        folders.model, contract.MODEL_FOLDER, comment="the model", date=request.source_date
    )
    bento = layers.layer_of(
        folders.staging, contract.IMAGE_FOLDER, comment="the Bento", date=request.source_date
    )
    return Additions(
        layers=(model, bento),
        command=contract.SERVER_COMMAND,
        environment=ENVIRONMENT,
        labels={
            contract.LABEL_BUILD_ID: card.build_id,
            contract.LABEL_MODEL_DIGEST: card.digest,
            contract.LABEL_FORMAT: card.format,
            contract.LABEL_RUNTIME: request.runtime,
            contract.LABEL_SOURCE: source,
        },
        date=request.source_date,
    )


def _staged(folders: Folders, path_in_image: str) -> Path:
    return folders.staging / PurePosixPath(path_in_image).relative_to(contract.IMAGE_FOLDER)
