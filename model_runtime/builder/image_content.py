"""The files of the image, and the layers that carry them: one for the weights, a small one for the rest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path, PurePosixPath

from model_runtime import contract
from model_runtime.builder.folders import Places
from model_runtime.builder.trial_runner import Proof
from model_runtime.contract import BuildRequest, ModelCard
from model_runtime.registry import layers
from model_runtime.registry.image_builder import Additions

ENVIRONMENT = {"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": "/tmp/bentoml"}  # noqa: S108 - the pod's own


def bento_folder(places: Places) -> Path:
    """Where the Bento is staged."""
    return _staged(places, contract.BENTO_FOLDER)


def stage(places: Places, card: ModelCard, proof: Proof) -> None:
    """What the server reads stands beside the Bento."""
    _staged(places, contract.CARD_FILE).write_text(card.to_json())
    _staged(places, contract.SIGNATURE_FILE).write_text(proof.signature)
    reference = json.dumps(proof.reference, sort_keys=True, ensure_ascii=False)
    _staged(places, contract.REFERENCE_FILE).write_text(reference)
    shutil.copy(bento_folder(places) / "apis" / "schema.json", _staged(places, contract.SCHEMA_FILE))


def additions(places: Places, request: BuildRequest, card: ModelCard, *, source: str) -> Additions:
    """The layers with the model and its Bento, and what the new image says about itself."""
    model = layers.layer_of(
        places.model, contract.MODEL_FOLDER, comment="the model", date=request.source_date
    )
    bento = layers.layer_of(
        places.staging, contract.IMAGE_FOLDER, comment="the Bento", date=request.source_date
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


def _staged(places: Places, in_image: str) -> Path:
    return places.staging / PurePosixPath(in_image).relative_to(contract.IMAGE_FOLDER)
