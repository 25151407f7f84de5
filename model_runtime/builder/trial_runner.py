"""The model proves itself in a process of its own, while the build goes on."""

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
class Proof:
    """What a model that answers has shown."""

    signature: str
    """As JSON."""
    reference: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial under way."""

    process: subprocess.Popen[bytes]
    outcome: Path

    def proof(self) -> Proof:
        """What it showed; a `ModelFailure` (or `OutOfMemory`) when it did not answer."""
        code = self.process.wait()
        if code == trial.NO_SPACE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        outcome = json.loads(self.outcome.read_text()) if self.outcome.is_file() else {}
        if "signature" in outcome:
            return Proof(outcome["signature"], outcome["reference"])
        raise _told(outcome) if "reason" in outcome else _died(code, str(outcome.get("stage", trial.LOADING)))


@contextmanager
def begun(found: Detected, folder: Path, outcome: Path, *, allow_pickle: bool) -> Iterator[Trial]:
    """A trial of the model; it does not outlive the block."""
    command = [sys.executable, "-m", trial.__name__, str(folder), found.format, str(found.path), str(outcome)]
    process = subprocess.Popen([*command, "--allow-pickle"] if allow_pickle else command)
    try:
        yield Trial(process, outcome)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _told(outcome: dict[str, Any]) -> BuildFailure:
    made = failures.by_reason(str(outcome["reason"]))
    return made(str(outcome["message"]))


def _died(code: int, stage: str) -> BuildFailure:
    doing = "was loaded" if stage == trial.LOADING else "answered its example"
    if code == -signal.SIGKILL:
        return failures.out_of_memory(f"while the model {doing}")
    died = f"signal {_signal(-code)}" if code < 0 else f"exit code {code}"
    sentence = f"the process ended with {died} while the model {doing}: see the build's log."
    return LoadFailed(sentence) if stage == trial.LOADING else ExampleFailed(sentence)


def _signal(number: int) -> str:
    known = {int(one): one.name for one in signal.Signals}
    return known.get(number, str(number))
