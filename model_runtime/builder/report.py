"""The report of a build: a failure or a bug becomes a reason and a sentence; each phase has its duration."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from model_runtime import failures
from model_runtime.builder.redaction import redacted
from model_runtime.contract import BuildReport
from model_runtime.failures import BuildBroken, BuildFailure, RuntimeMismatch

log = logging.getLogger("seatrial.build")
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(slots=True)
class Phases:
    """The duration of each phase, in seconds."""

    clock: Callable[[], float] = time.monotonic
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Record the duration of the block, also when it fails."""
        started = self.clock()
        try:
            yield
        finally:
            self.seconds[name] = round(self.clock() - started, 3)


def of_failure(
    error: BaseException, *, work: Path, seconds: dict[str, float], log_tail: Callable[[], str] = str
) -> BuildReport:
    """Return the report of a build that ended with `error`; `log_tail` is read after the error is logged."""
    failure = _failure(error, work)
    mismatch = failure if isinstance(failure, RuntimeMismatch) else None
    return BuildReport(
        reason=failure.reason,
        message=redacted(failure.message),
        log_tail=log_tail(),
        wanted_runtime=mismatch.wanted_runtime if mismatch else "",
        format=mismatch.model_format if mismatch else "",
        seconds=seconds,
    )


def _failure(error: BaseException, work: Path) -> BuildFailure:
    if (full := full_disk(error)) is not None:
        return BuildBroken(_no_space(full, work))
    if isinstance(error, BuildFailure):
        return error
    if isinstance(error, MemoryError):
        return failures.out_of_memory()
    log.error("the build failed with an unexpected error", exc_info=error)
    summary = failures.summary(error, limit=600)
    return BuildBroken(f"the build failed with an unexpected error ({summary}): see its log.")


def full_disk(error: BaseException | None) -> OSError | None:
    """Return the error of a full disk behind `error`, if there is one: libraries wrap it in errors of their own."""
    visited: set[int] = set()
    while error is not None and id(error) not in visited:
        if isinstance(error, OSError) and error.errno in _NO_SPACE:
            return error
        visited.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def _no_space(error: OSError, work: Path) -> str:
    folder = Path(os.fsdecode(error.filename)).parent if isinstance(error.filename, str | bytes) else work
    size = f" ({shutil.disk_usage(folder).total / 2**20:.0f} MiB)" if folder.is_dir() else ""
    return (
        f"no space is left in {folder} of the build's pod{size}: request more in spec.build.resources "
        f"(ephemeral-storage), or free space on the node."
    )


def write(report: BuildReport, path: Path) -> None:
    """Write the report to the termination message, and to the log in case that fails."""
    text = report.to_json()
    log.info("report: %s", text)
    try:
        path.write_text(text)
    except OSError as error:
        log.error("the report cannot be written to %s: %s", path, error)
