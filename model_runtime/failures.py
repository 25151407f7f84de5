"""Why a build ends without an image: one class for each reason, and no others.

    BuildFailure
    ├── SourceFailure     SourceNotFound · SourceForbidden · SourceUnavailable · SourceDigestMismatch
    ├── ModelFailure      FormatUnknown · PickleRefused · LoadFailed · ExampleFailed · RuntimeMismatch
    ├── RegistryFailure   RegistryUnauthorized · RegistryUnavailable
    ├── BuildBroken       whatever has no reason of its own: no space, a bug
    └── OutOfMemory

Each carries the reason that the API knows and a sentence for its user: what happened, where, what to do.
"""

from __future__ import annotations

from itertools import takewhile
from typing import ClassVar, Final

from model_runtime import contract


class BuildFailure(Exception):
    """A build that ends without an image, for a reason that the API knows."""

    reason: ClassVar[str] = "BuildFailed"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class SourceFailure(BuildFailure):
    """The model's files could not be had as they were asked for."""


class SourceNotFound(SourceFailure):
    """Nothing stands at the address."""

    reason = "SourceNotFound"


class SourceForbidden(SourceFailure):
    """The source refuses these credentials."""

    reason = "SourceForbidden"


class SourceUnavailable(SourceFailure):
    """The source did not answer, or answered with an error of its own."""

    reason = "SourceUnavailable"


class SourceDigestMismatch(SourceFailure):
    """The files are others than the pinned ones."""

    reason = "SourceDigestMismatch"


class ModelFailure(BuildFailure):
    """The files were fetched, but no model can be served from them as they are."""


class FormatUnknown(ModelFailure):
    """No known format is recognised in the files, or more than one."""

    reason = "ModelFormatUnknown"


class PickleRefused(ModelFailure):
    """Loading the model would run code from its file, and that is not allowed."""

    reason = "ModelPickleRefused"


class LoadFailed(ModelFailure):
    """The framework cannot load the file."""

    reason = "ModelLoadFailed"


class ExampleFailed(ModelFailure):
    """The model loads but does not answer its example."""

    reason = "ModelExampleFailed"


class RuntimeMismatch(ModelFailure):
    """The files need another runtime than the one the build was started on."""

    reason = contract.RUNTIME_MISMATCH

    def __init__(self, message: str, wanted_runtime: str, model_format: str = "") -> None:
        super().__init__(message)
        self.wanted_runtime = wanted_runtime
        self.model_format = model_format


class RegistryFailure(BuildFailure):
    """The image could not be stored."""


class RegistryUnauthorized(RegistryFailure):
    """The registry refuses these credentials, or has none to judge."""

    reason = "RegistryUnauthorized"


class RegistryUnavailable(RegistryFailure):
    """The registry did not answer, or answered with an error of its own."""

    reason = "RegistryUnavailable"


class BuildBroken(BuildFailure):
    """No reason of its own fits: a full disk, a bug."""

    reason = "BuildFailed"


class OutOfMemory(BuildFailure):
    """The build needed more memory than its limit."""

    reason = "BuildOutOfMemory"


def said(error: BaseException, *, most: int = 240) -> str:
    """The kind of an error and its words on one line of at most `most` characters, without a trace of where it was."""
    kind = type(error).__name__
    try:
        lines = str(error).splitlines()
    except Exception:  # an error may fail at its own words
        lines = []
    words = " ".join(" ".join(takewhile(_is_said, lines)).split()).rstrip(".: ")
    whole = f"{kind}: {words}" if words else kind
    return whole if len(whole) <= most else f"{whole[: most - 1]}…"


def _is_said(line: str) -> bool:
    """Libraries in C++ put the stack behind their words."""
    return not line.startswith(_TRACES)


def out_of_memory(when: str = "") -> OutOfMemory:
    """The failure of a build whose memory did not suffice, `when` it came to that."""
    at = f" {when}" if when else ""
    return OutOfMemory(f"the build ran out of memory{at}: raise spec.build.resources.limits.memory.")


def by_reason(reason: str) -> type[BuildFailure]:
    """The class that carries a reason: failures that come from another process have theirs back."""
    return _CLASSES.get(reason, BuildBroken)


_TRACES: Final = ("Stack trace", "Traceback")
_CLASSES = {
    made.reason: made
    for made in (
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
