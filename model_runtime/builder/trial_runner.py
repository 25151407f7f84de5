"""Run the trial of a model in a process of its own, while the build continues."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_runtime import failures
from model_runtime.builder import trial
from model_runtime.failures import BuildFailure, ExampleFailed, LoadFailed
from model_runtime.formats import Detected


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What a successful trial returns."""

    signature: str
    """As JSON."""
    reference: dict[str, Any]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """A running trial."""

    process: subprocess.Popen[bytes]
    outcome: Path

    def result(self) -> TrialResult:
        """Wait for the end; a `ModelFailure` (or `OutOfMemory`) when the model cannot be served."""
        code = self.process.wait()
        if code == trial.NO_SPACE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        outcome = json.loads(self.outcome.read_text()) if self.outcome.is_file() else {}
        if "signature" in outcome:
            warnings = tuple(str(line) for line in outcome.get("warnings", ()))
            return TrialResult(outcome["signature"], outcome["reference"], warnings)
        if "reason" in outcome:
            raise failures.by_reason(str(outcome["reason"]))(str(outcome["message"]))
        raise _crash(code, str(outcome.get("stage", trial.LOADING)))


@contextmanager
def start(detected: Detected, folder: Path, outcome: Path, *, allow_pickle: bool) -> Iterator[Trial]:
    """Start a trial of the model; it is killed at the end of the block."""
    arguments = [str(folder), detected.format, str(detected.path), str(outcome)]
    command = [sys.executable, "-m", trial.__name__, *arguments]
    process = subprocess.Popen([*command, "--allow-pickle"] if allow_pickle else command)
    try:
        yield Trial(process, outcome)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _crash(code: int, stage: str) -> BuildFailure:
    activity = "was loaded" if stage == trial.LOADING else "predicted from its example"
    if code == -signal.SIGKILL:
        return failures.out_of_memory(f"while the model {activity}")
    cause = f"signal {_signal_name(-code)}" if code < 0 else f"exit code {code}"
    sentence = f"the process ended with {cause} while the model {activity}: see the build's log."
    return LoadFailed(sentence) if stage == trial.LOADING else ExampleFailed(sentence)


def _signal_name(number: int) -> str:
    names = {int(known): known.name for known in signal.Signals}
    return names.get(number, str(number))
