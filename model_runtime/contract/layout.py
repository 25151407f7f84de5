"""Where the operator, the build Job and the model server find each other: paths, variables, commands and labels."""

from __future__ import annotations

from typing import Final

TERMINATION_MESSAGE_PATH: Final = "/dev/termination-log"

# The build Job: its input.
BUILD_REQUEST_VARIABLE: Final = "SEATRIAL_BUILD_REQUEST"
CREDENTIALS_FOLDER: Final = "/seatrial/credentials"
PUSH_SECRET_FOLDER: Final = "/seatrial/push"  # noqa: S105 - a mount path, not a password
PULL_SECRET_FOLDER: Final = "/seatrial/pull"  # noqa: S105 - a mount path, not a password
CA_FOLDER: Final = "/seatrial/ca"
VOLUME_FOLDER: Final = "/seatrial/source"
"""A pvc:// or configmap:// source is mounted here, read-only."""
WORK_FOLDER: Final = "/work"
BUILD_COMMAND: Final = ("python", "-m", "model_runtime.builder")

# The image: what the build writes and the server reads.
IMAGE_FOLDER: Final = "/opt/seatrial"
BENTO_FOLDER: Final = "/opt/seatrial/bento"
MODEL_FOLDER: Final = "/opt/seatrial/bento/src/model"
"""The fetched files. They are part of the Bento, but in an image layer of their own."""
CARD_FILE: Final = "/opt/seatrial/card.json"
"""One `ModelCard`: what the server loads."""
SIGNATURE_FILE: Final = "/opt/seatrial/signature.json"
"""The model's inputs and outputs (`formats.Signature`), refined by its example."""
SCHEMA_FILE: Final = "/opt/seatrial/schema.json"
"""The Bento's schema, as BentoML writes it."""
REFERENCE_FILE: Final = "/opt/seatrial/reference.json"
"""`{"inputs": {name: nested lists}}`: the example that the model answered during the build; at most 100 rows."""
SERVER_COMMAND: Final = ("python", "-m", "model_runtime.server")
LABEL_BUILD_ID: Final = "dev.seatrial.build-id"
LABEL_MODEL_DIGEST: Final = "dev.seatrial.model-digest"
LABEL_FORMAT: Final = "dev.seatrial.format"
LABEL_RUNTIME: Final = "dev.seatrial.runtime"
LABEL_SOURCE: Final = "dev.seatrial.source"

# The model server: its environment.
SERVER_PORT: Final = 3000
SERVER_NAME_VARIABLE: Final = "SEATRIAL_DEPLOYMENT"
SERVER_REVISION_VARIABLE: Final = "SEATRIAL_REVISION"
SERVER_TIMEOUT_VARIABLE: Final = "SEATRIAL_TIMEOUT_SECONDS"
SERVER_CONCURRENCY_VARIABLE: Final = "SEATRIAL_MAX_CONCURRENCY"
SERVER_WARMUP_VARIABLE: Final = "SEATRIAL_WARMUP_REQUESTS"
SERVER_DRAIN_SECONDS: Final = 5
"""How long a pod keeps serving after SIGTERM: the time that proxies need to stop sending requests to it."""
