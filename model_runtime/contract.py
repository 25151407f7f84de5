"""The words that the operator and the model's own pods share; standard library only, both sides import it.

The operator starts a build Job with one `BuildRequest` in the environment and reads one `BuildReport` from
the termination message of its container. It starts server pods with the `SERVER_*` variables. A server that
cannot go on leaves a `Exit` in its termination message.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, Final, Self

VERSION: Final = 1
TERMINATION_MESSAGE_LIMIT: Final = 3072
"""Bytes: the kubelet keeps 4 KiB of a container's message; the rest is left for what others add."""

TERMINATION_MESSAGE_PATH: Final = "/dev/termination-log"

# The build Job: where it finds what it works with.
BUILD_REQUEST_VARIABLE: Final = "SEATRIAL_BUILD_REQUEST"
CREDENTIALS_FOLDER: Final = "/seatrial/credentials"
PUSH_SECRET_FOLDER: Final = "/seatrial/push"  # noqa: S105 - where it is mounted, not what it says
PULL_SECRET_FOLDER: Final = "/seatrial/pull"  # noqa: S105 - where it is mounted, not what it says
CA_FOLDER: Final = "/seatrial/ca"
VOLUME_FOLDER: Final = "/seatrial/source"
"""A pvc:// or configmap:// source is mounted here, read-only."""
WORK_FOLDER: Final = "/work"
BUILD_COMMAND: Final = ("python", "-m", "model_runtime.builder")

# The image: where the build puts things and the server finds them.
IMAGE_FOLDER: Final = "/opt/seatrial"
BENTO_FOLDER: Final = "/opt/seatrial/bento"
MODEL_FOLDER: Final = "/opt/seatrial/bento/src/model"
"""The fetched files, inside the Bento so that it is whole, but in an image layer of their own."""
CARD_FILE: Final = "/opt/seatrial/card.json"
"""One `ModelCard`: what the server loads."""
SIGNATURE_FILE: Final = "/opt/seatrial/signature.json"
"""What goes in and out (`formats.Signature`), refined by the model's example."""
SCHEMA_FILE: Final = "/opt/seatrial/schema.json"
"""The Bento's schema, as BentoML writes it."""
REFERENCE_FILE: Final = "/opt/seatrial/reference.json"
"""`{"inputs": {name: nested lists}}`: the example that the build saw answered; at most a hundred rows."""
SERVER_COMMAND: Final = ("python", "-m", "model_runtime.server")
LABEL_BUILD_ID: Final = "dev.seatrial.build-id"
LABEL_MODEL_DIGEST: Final = "dev.seatrial.model-digest"
LABEL_FORMAT: Final = "dev.seatrial.format"
LABEL_RUNTIME: Final = "dev.seatrial.runtime"
LABEL_SOURCE: Final = "dev.seatrial.source"

# The server's environment.
SERVER_PORT: Final = 3000
SERVER_NAME_VARIABLE: Final = "SEATRIAL_DEPLOYMENT"
SERVER_REVISION_VARIABLE: Final = "SEATRIAL_REVISION"
SERVER_TIMEOUT_VARIABLE: Final = "SEATRIAL_TIMEOUT_SECONDS"
SERVER_CONCURRENCY_VARIABLE: Final = "SEATRIAL_MAX_CONCURRENCY"
SERVER_WARMUP_VARIABLE: Final = "SEATRIAL_WARMUP_REQUESTS"
SERVER_DRAIN_SECONDS: Final = 5
"""How long a pod goes on answering after it was told to stop: the time that proxies need to forget it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """What one build Job is asked to make. Times in seconds, digests as `sha256:<hex>`."""

    namespace: str
    name: str
    build_id: str
    uri: str
    runtime_image: str
    """The image the Job itself runs and appends to, by the name that pods can push beside."""
    repository: str
    """Where the image is pushed; its tag is the build id."""
    pull_repository: str = ""
    """The same repository by the name that nodes pull; empty means the same name."""
    runtime: str = ""
    """The catalogue's name of `runtime_image`."""
    format: str = ""
    """Empty: detected from the files."""
    digest: str = ""
    """The pin of the fetched files; empty means none."""
    allow_pickle: bool = False
    plain_http: bool = False
    """The registry speaks http without TLS (a lab's)."""
    source_date: int = 0
    python_packages: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The value of the environment variable."""
        return json.dumps({"version": VERSION, **asdict(self)}, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The request in `text`; `ValueError` when it is not one of this version."""
        return cls(**_values(cls, _versioned(text)))


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """How one build Job ended: an image, or a reason (a word of the API) and a sentence on what to do."""

    image: str = ""
    """`<pull repository>@sha256:…` of the index or manifest that nodes pull."""
    model_digest: str = ""
    format: str = ""
    cached: bool = False
    """The image stood in the registry already; nothing was fetched."""
    source: dict[str, str] = field(default_factory=dict)
    """What the source resolved to: etag, version, commit, size."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Of each phase: fetch, hash, load, bento, layers, push."""
    reason: str = ""
    message: str = ""
    log_tail: str = ""
    """Of a build that failed: the last lines of its log, without secrets."""
    wanted_runtime: str = ""
    """With reason `RuntimeMismatch`: the detected format needs this runtime; build again on it."""

    @property
    def succeeded(self) -> bool:
        """An image stands in the registry."""
        return bool(self.image) and not self.reason

    def to_json(self) -> str:
        """One line of at most `TERMINATION_MESSAGE_LIMIT` bytes of UTF-8.

        Too long, first the log loses its oldest lines, then the message its end, then what the source says of
        itself its longest values. What cannot be written as UTF-8 is a question mark.
        """
        given = {key: _sayable(value) for key, value in asdict(self).items() if value}
        body: dict[str, Any] = {"version": VERSION, **given}
        while (surplus := _surplus(body)) > 0 and body.get("log_tail"):
            body["log_tail"] = str(body["log_tail"])[_cut(surplus) :]
        while (surplus := _surplus(body)) > 0 and body.get("message"):
            body["message"] = str(body["message"])[: -_cut(surplus)]
        source: dict[str, str] = body.get("source", {})
        while (surplus := _surplus(body)) > 0 and any(source.values()):
            longest = max(source, key=lambda key: len(source[key]))
            source[longest] = source[longest][: -_cut(surplus)]
        return _dumped(body)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The report in `text`; `ValueError` when there is none: a killed container leaves anything."""
        report = cls(**_values(cls, _versioned(text)))
        if report.image and not _IMAGE.fullmatch(report.image):
            raise ValueError("image is not <repository>@sha256:<64 hex digits>")
        return report


RUNTIME_MISMATCH: Final = "RuntimeMismatch"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What the server needs to know about the model in its image."""

    name: str
    build_id: str
    format: str
    path: str
    """The model's file, relative to `MODEL_FOLDER`."""
    digest: str
    allow_pickle: bool = False

    def to_json(self) -> str:
        """The text of `CARD_FILE`."""
        return _dumped({"version": VERSION, **asdict(self)})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The card in `text`; `ValueError` when there is none."""
        return cls(**_values(cls, _versioned(text)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """Why a server left before it was told to: a reason of the API and a sentence."""

    reason: str
    message: str

    def to_json(self) -> str:
        """One line for the termination message."""
        body = {"version": VERSION, "reason": self.reason, "message": _sayable(self.message[:2000])}
        while (surplus := _surplus(body)) > 0 and body["message"]:
            body["message"] = str(body["message"])[: -_cut(surplus)]
        return _dumped(body)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The exit in `text`; `ValueError` when there is none."""
        return cls(**_values(cls, _versioned(text)))


def _sayable(value: Any) -> Any:
    """The value without half pairs of surrogates: names of files and errors of frameworks may have them."""
    if isinstance(value, dict):
        return {_sayable(key): _sayable(one) for key, one in value.items()}
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def _cut(surplus: int) -> int:
    """Characters to leave out at once: as JSON one has six bytes at most."""
    return max(surplus // 6, 16)


def _surplus(body: dict[str, Any]) -> int:
    return len(_dumped(body).encode()) - TERMINATION_MESSAGE_LIMIT


def _dumped(body: dict[str, Any]) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _versioned(text: str) -> dict[str, Any]:
    if len(text) > 64 * 1024:
        raise ValueError("the message is longer than 64 KiB")
    try:
        raw = json.loads(text)
    except RecursionError as error:
        raise ValueError("the message is nested too deeply") from error
    if not isinstance(raw, dict) or raw.pop("version", None) != VERSION:
        raise ValueError(f"not a message of version {VERSION}")
    return raw


_IMAGE = re.compile(r"[A-Za-z0-9\[][A-Za-z0-9._:/\[\]-]*@sha256:[0-9a-f]{64}")
_MOST_ENTRIES = 15
"""Of a map: the status keeps 16 and adds one of its own."""


def _values(kind: Any, raw: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `kind` in `raw`, each of its type; `ValueError` when one is not, or is missing."""
    values = {}
    for one in fields(kind):
        if one.name in raw:
            values[one.name] = _READ[str(one.type)](one.name, raw[one.name])
        elif one.default is MISSING and one.default_factory is MISSING:
            raise ValueError(f"{one.name} is missing")
    return values


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} is not a text")
    value.encode()  # half a surrogate pair can be written as JSON, but not be stored
    return value


def _truth(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} is neither true nor false")
    return value


def _whole(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} is not a whole number")
    return value


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(_float(value)):
        raise ValueError(f"{name} is not a number")
    return value


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _map(name: str, value: Any, read: Callable[[str, Any], Any]) -> dict[str, Any]:
    if not isinstance(value, dict) or len(value) > _MOST_ENTRIES:
        raise ValueError(f"{name} is not a map of at most {_MOST_ENTRIES} entries")
    return {_text(f"a key of {name}", key): read(f"{name}.{key}", one) for key, one in value.items()}


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{name} is not a list")
    return tuple(_text(name, one) for one in value)


_READ: Final[Mapping[str, Callable[[str, Any], Any]]] = {
    "str": _text,
    "bool": _truth,
    "int": _whole,
    "dict[str, str]": lambda name, value: _map(name, value, _text),
    "dict[str, float]": lambda name, value: _map(name, value, _number),
    "tuple[str, ...]": _texts,
}
