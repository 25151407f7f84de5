"""Why a build ends without an image, and why a model cannot be loaded: the one error tree of the build.

    BuildFailure
    ├── SourceFailure     SourceNotFound · SourceForbidden · SourceUnavailable · SourceDigestMismatch
    ├── ModelFailure      FormatUnknown · PickleRefused · LoadFailed · ExampleFailed · RuntimeMismatch
    ├── RegistryFailure   RegistryUnauthorized · RegistryUnavailable
    ├── BuildBroken       everything without a reason of its own: no space, a bug
    └── OutOfMemory

Each class has one reason of the API; each failure has a sentence for the user: cause, place, remedy. The server
loads models with the same code and reports a `ModelFailure` in its termination message; requests that it
rejects have their own tree in `server.errors`.
"""

from __future__ import annotations

from itertools import takewhile
from typing import ClassVar, Final

from model_runtime import contract


class BuildFailure(Exception):
    """A build ends without an image."""

    reason: ClassVar[str] = "BuildFailed"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class SourceFailure(BuildFailure):
    """The files of the model cannot be fetched."""


class SourceNotFound(SourceFailure):
    """Nothing exists at the address."""

    reason = "SourceNotFound"


class SourceForbidden(SourceFailure):
    """The source rejects the credentials."""

    reason = "SourceForbidden"


class SourceUnavailable(SourceFailure):
    """The source does not respond, or responds with an error of its own."""

    reason = "SourceUnavailable"


class SourceDigestMismatch(SourceFailure):
    """The files do not have the pinned digest."""

    reason = "SourceDigestMismatch"


class ModelFailure(BuildFailure):
    """The files are fetched, but no model can be served from them as they are."""


class FormatUnknown(ModelFailure):
    """The files contain no known format, or more than one."""

    reason = "ModelFormatUnknown"


class PickleRefused(ModelFailure):
    """Loading the model would run code from its file, which the spec does not allow."""

    reason = "ModelPickleRefused"


class LoadFailed(ModelFailure):
    """The framework cannot load the file."""

    reason = "ModelLoadFailed"


class ExampleFailed(ModelFailure):
    """The model loads but cannot predict from its example."""

    reason = "ModelExampleFailed"


class RuntimeMismatch(ModelFailure):
    """The files need another runtime than the one that the build runs on."""

    reason = contract.RUNTIME_MISMATCH

    def __init__(self, message: str, wanted_runtime: str, model_format: str = "") -> None:
        super().__init__(message)
        self.wanted_runtime = wanted_runtime
        self.model_format = model_format


class RegistryFailure(BuildFailure):
    """The registry cannot be used."""


class RegistryUnauthorized(RegistryFailure):
    """The registry rejects the credentials, or there are none."""

    reason = "RegistryUnauthorized"


class RegistryUnavailable(RegistryFailure):
    """The registry does not respond, or responds with an error of its own."""

    reason = "RegistryUnavailable"


class BuildBroken(BuildFailure):
    """No other reason fits: a full disk, an invalid request, a bug."""

    reason = "BuildFailed"


class OutOfMemory(BuildFailure):
    """The build needs more memory than its limit."""

    reason = "BuildOutOfMemory"


def summary(error: BaseException, *, limit: int = 240) -> str:
    """Return the type and message of an error on one line of at most `limit` characters, without a stack trace."""
    kind = type(error).__name__
    try:
        lines = str(error).splitlines()
    except Exception:  # the __str__ of an error may fail
        lines = []
    message = " ".join(" ".join(takewhile(_is_message, lines)).split()).rstrip(".: ")
    text = f"{kind}: {message}" if message else kind
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _is_message(line: str) -> bool:
    """Return whether the line belongs to the message: libraries in C++ append the stack."""
    return not line.startswith(_STACK_STARTS)


def out_of_memory(when: str = "") -> OutOfMemory:
    """Return the failure of a build that ran out of memory; `when` is a clause such as "while …"."""
    clause = f" {when}" if when else ""
    return OutOfMemory(f"the build ran out of memory{clause}: raise spec.build.resources.limits.memory.")


def by_reason(reason: str) -> type[BuildFailure]:
    """Return the class for a reason, to raise a failure of another process here."""
    return _BY_REASON.get(reason, BuildBroken)


_STACK_STARTS: Final = ("Stack trace", "Traceback")
_BY_REASON: Final[dict[str, type[BuildFailure]]] = {
    failure.reason: failure
    for failure in (
        SourceNotFound,
        SourceForbidden,
        SourceUnavailable,
        SourceDigestMismatch,
        FormatUnknown,
        PickleRefused,
        LoadFailed,
        ExampleFailed,
        RegistryUnauthorized,
        RegistryUnavailable,
        BuildBroken,
        OutOfMemory,
    )
}
