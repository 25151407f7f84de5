"""What the operator and the model's own pods agree on; standard library only, because both sides import it.

The operator starts a build Job with one `BuildRequest` in its environment and reads one `BuildReport` from the
termination message of its container. It starts server pods with the `SERVER_*` variables. A server that cannot
serve its model leaves an `Exit` in its termination message.

layout     paths, variables, commands and image labels
messages   the JSON messages
encoding   their encoding within a size limit, and their checked decoding
logs       the JSON log format of both programs
metrics    what the server counts and the operator judges
"""

from __future__ import annotations

from model_runtime.contract.encoding import TERMINATION_MESSAGE_LIMIT, VERSION
from model_runtime.contract.layout import (
    BENTO_FOLDER,
    BUILD_COMMAND,
    BUILD_REQUEST_VARIABLE,
    CA_FOLDER,
    CARD_FILE,
    CREDENTIALS_FOLDER,
    IMAGE_FOLDER,
    LABEL_BUILD_ID,
    LABEL_FORMAT,
    LABEL_MODEL_DIGEST,
    LABEL_RUNTIME,
    LABEL_SOURCE,
    MODEL_FOLDER,
    PULL_SECRET_FOLDER,
    PUSH_SECRET_FOLDER,
    REFERENCE_FILE,
    SCHEMA_FILE,
    SERVER_COMMAND,
    SERVER_CONCURRENCY_VARIABLE,
    SERVER_DRAIN_SECONDS,
    SERVER_NAME_VARIABLE,
    SERVER_PORT,
    SERVER_REVISION_VARIABLE,
    SERVER_TIMEOUT_VARIABLE,
    SERVER_WARMUP_VARIABLE,
    SIGNATURE_FILE,
    TERMINATION_MESSAGE_PATH,
    VOLUME_FOLDER,
    WORK_FOLDER,
)
from model_runtime.contract.messages import RUNTIME_MISMATCH, BuildReport, BuildRequest, Exit, ModelCard

__all__ = [
    "BENTO_FOLDER",
    "BUILD_COMMAND",
    "BUILD_REQUEST_VARIABLE",
    "CARD_FILE",
    "CA_FOLDER",
    "CREDENTIALS_FOLDER",
    "IMAGE_FOLDER",
    "LABEL_BUILD_ID",
    "LABEL_FORMAT",
    "LABEL_MODEL_DIGEST",
    "LABEL_RUNTIME",
    "LABEL_SOURCE",
    "MODEL_FOLDER",
    "PULL_SECRET_FOLDER",
    "PUSH_SECRET_FOLDER",
    "REFERENCE_FILE",
    "RUNTIME_MISMATCH",
    "SCHEMA_FILE",
    "SERVER_COMMAND",
    "SERVER_CONCURRENCY_VARIABLE",
    "SERVER_DRAIN_SECONDS",
    "SERVER_NAME_VARIABLE",
    "SERVER_PORT",
    "SERVER_REVISION_VARIABLE",
    "SERVER_TIMEOUT_VARIABLE",
    "SERVER_WARMUP_VARIABLE",
    "SIGNATURE_FILE",
    "TERMINATION_MESSAGE_LIMIT",
    "TERMINATION_MESSAGE_PATH",
    "VERSION",
    "VOLUME_FOLDER",
    "WORK_FOLDER",
    "BuildReport",
    "BuildRequest",
    "Exit",
    "ModelCard",
]
