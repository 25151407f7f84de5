"""The messages that the operator, the build Job and the model server exchange, each one JSON object."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import Final, Self

from model_runtime.contract import encoding
from model_runtime.contract.encoding import VERSION, Body, characters_to_cut, surplus_bytes, valid_unicode

RUNTIME_MISMATCH: Final = "RuntimeMismatch"
_IMAGE: Final = re.compile(r"[A-Za-z0-9\[][A-Za-z0-9._:/\[\]-]*@sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """The input of one build Job. Times are in seconds, digests are `sha256:<hex>`."""

    namespace: str
    name: str
    build_id: str
    uri: str
    runtime_image: str
    """The image that the Job runs and appends layers to, by the name that pods use to reach the registry."""
    repository: str
    """Where the image is pushed; its tag is the build id."""
    pull_repository: str = ""
    """The same repository by the name that nodes pull from; empty means the same name."""
    runtime: str = ""
    """The catalogue's name of `runtime_image`."""
    format: str = ""
    """Empty: detected from the files."""
    digest: str = ""
    """The digest that the fetched files must have; empty means any."""
    allow_pickle: bool = False
    plain_http: bool = False
    """The registry serves http without TLS, as a lab's does."""
    private_sources: bool = True
    """Whether the model may be fetched from a private network."""
    max_model_bytes: int = 0
    """The most bytes that the fetched files may have, and the unpacked ones; 0 means any number."""
    source_date: int = 0
    python_packages: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return the value of the environment variable."""
        return encoding.encode({"version": VERSION, **asdict(self)})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the request in `text`; `ValueError` when it is not one of this version."""
        return cls(**encoding.decode(cls, text))


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """The result of one build Job: an image, or a reason of the API and a sentence that says what to do."""

    image: str = ""
    """`<pull repository>@sha256:…` of the index or manifest that nodes pull."""
    model_digest: str = ""
    format: str = ""
    cached: bool = False
    """The registry had the image already; nothing was fetched."""
    source: dict[str, str] = field(default_factory=dict)
    """What the source resolved to: etag, version, commit, size."""
    seconds: dict[str, float] = field(default_factory=dict)
    """The duration of each phase: fetch, hash, load, bento, layers, push."""
    reason: str = ""
    message: str = ""
    log_tail: str = ""
    """The last lines of a failed build's log, without secrets."""
    warnings: tuple[str, ...] = ()
    """What a person should know about a model that is served nevertheless."""
    wanted_runtime: str = ""
    """With reason `RuntimeMismatch`: the runtime that the detected format needs; the operator builds again on it."""

    @property
    def succeeded(self) -> bool:
        """Return whether the image is in the registry."""
        return bool(self.image) and not self.reason

    def to_json(self) -> str:
        """Return one line of at most `TERMINATION_MESSAGE_LIMIT` bytes of UTF-8.

        When it is too long, the oldest lines of the log are removed first, then warnings, then the end of the
        message, then the longest values of `source`. Characters that UTF-8 cannot encode become question marks.
        """
        values = {key: valid_unicode(value) for key, value in asdict(self).items() if value}
        body: Body = {"version": VERSION, **values}
        while (surplus := surplus_bytes(body)) > 0 and body.get("log_tail"):
            body["log_tail"] = body["log_tail"][characters_to_cut(surplus) :]
        while surplus_bytes(body) > 0 and body.get("warnings"):
            body["warnings"] = body["warnings"][:-1]
        _cut_end(body, "message")
        source: dict[str, str] = body.get("source", {})
        while (surplus := surplus_bytes(body)) > 0 and any(source.values()):
            longest = max(source, key=lambda key: len(source[key]))
            source[longest] = source[longest][: -characters_to_cut(surplus)]
        return encoding.encode(body)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the report in `text`; `ValueError` when it is none: a killed container may leave anything."""
        report = cls(**encoding.decode(cls, text))
        if report.image and not _IMAGE.fullmatch(report.image):
            raise ValueError("image is not <repository>@sha256:<64 hex digits>")
        return report


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
        """Return the content of `CARD_FILE`."""
        return encoding.encode({"version": VERSION, **asdict(self)})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the card in `text`; `ValueError` when it is none."""
        return cls(**encoding.decode(cls, text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """Why a server exited before it was stopped: a reason of the API and a sentence."""

    reason: str
    message: str

    def to_json(self) -> str:
        """Return one line for the termination message; the end of a long message is cut off."""
        body: Body = {
            "version": VERSION,
            "reason": self.reason,
            "message": valid_unicode(self.message[:2000]),
        }
        _cut_end(body, "message")
        return encoding.encode(body)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the exit in `text`; `ValueError` when it is none."""
        return cls(**encoding.decode(cls, text))


def _cut_end(body: Body, key: str) -> None:
    while (surplus := surplus_bytes(body)) > 0 and body.get(key):
        body[key] = body[key][: -characters_to_cut(surplus)]
