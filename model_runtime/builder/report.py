"""How a build ends, told: a failure or a bug becomes a reason and a sentence; phases have their seconds."""

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
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(slots=True)
class Phases:
    """The seconds that each phase took."""

    clock: Callable[[], float] = time.monotonic
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Its seconds are recorded, also when it fails."""
        began = self.clock()
        try:
            yield
        finally:
            self.seconds[name] = round(self.clock() - began, 3)


def of_failure(
    error: BaseException, *, work: Path, seconds: dict[str, float], log_tail: Callable[[], str] = str
) -> BuildReport:
    """The report of a build that ended in `error`, with what `log_tail` then is."""
    failure = _failure(error, work)
    other = failure if isinstance(failure, RuntimeMismatch) else None
    return BuildReport(
        reason=failure.reason,
        message=redacted(failure.message),
        log_tail=log_tail(),
        wanted_runtime=other.wanted_runtime if other else "",
        format=other.model_format if other else "",
        seconds=seconds,
    )


def _failure(error: BaseException, work: Path) -> BuildFailure:
    if (full := full_disk(error)) is not None:
        return BuildBroken(_no_space(full, work))
    if isinstance(error, BuildFailure):
        return error
    if isinstance(error, MemoryError):
        return failures.out_of_memory()
    log.error("the build broke", exc_info=error)
    return BuildBroken(f"the build broke: {failures.said(error, most=600)}. See the build's log.")


def full_disk(error: BaseException | None) -> OSError | None:
    """The full disk that `error` comes from: libraries say it in words of their own."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, OSError) and error.errno in _FULL:
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def _no_space(error: OSError, work: Path) -> str:
    folder = Path(os.fsdecode(error.filename)).parent if isinstance(error.filename, str | bytes) else work
    size = f"; {shutil.disk_usage(folder).total / 2**20:.0f} MiB in all" if folder.is_dir() else ""
    return (
        f"no space is left in {folder} of the build's pod{size}: give it more in spec.build.resources "
        f"(ephemeral-storage), or free space on the node."
    )


def write(report: BuildReport, path: Path) -> None:
    """The report stands in the termination message; a pod that has no place for it has it in its log."""
    text = report.to_json()
    log.info("report: %s", text)
    try:
        path.write_text(text)
    except OSError as error:
        log.error("the report cannot be written to %s: %s", path, error)
