"""The settings of the server, read once from its arguments and environment."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from model_runtime import contract

BODY_LIMIT_VARIABLE: Final = "SEATRIAL_MAX_BODY_BYTES"
CONNECTION_AGE_VARIABLE: Final = "SEATRIAL_CONNECTION_SECONDS"
DRAIN_VARIABLE: Final = "SEATRIAL_DRAIN_SECONDS"
IMAGE_VARIABLE: Final = "SEATRIAL_IMAGE_FOLDER"
TERMINATION_VARIABLE: Final = "SEATRIAL_TERMINATION_MESSAGE_PATH"
THREADS_VARIABLE: Final = "SEATRIAL_PREDICT_THREADS"
ALL_INTERFACES: Final = "0.0.0.0"  # noqa: S104 - the network of a pod


class InvalidSetting(ValueError):
    """A variable of the environment has an invalid value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one server runs; the defaults apply in a pod without any variable."""

    image_folder: Path = Path(contract.IMAGE_FOLDER)
    """The folder with the Bento, the signature and the example that the build wrote."""
    model_folder: Path | None = None
    """Serve a bare model folder instead of an image: to try a model, and for tests."""
    host: str = ALL_INTERFACES
    port: int = contract.SERVER_PORT
    name: str = ""
    """The name of the model under `/v2/models/`; empty means the Bento's."""
    revision: str = ""
    timeout: float = 30.0
    """Seconds from the first byte of a request to its response."""
    concurrency: int = 64
    """Predictions at the same time; one more is rejected."""
    warmup: int = 5
    body_limit: int = 32 << 20
    """Bytes. JSON needs about ten times its size in memory while it is decoded."""
    connection_age: float = 10.0
    """Seconds after which a connection ends, if possible shortly before with a response; 0 keeps connections open."""
    drain: float = float(contract.SERVER_DRAIN_SECONDS)
    threads: int = 2
    """Long predictions that run at the same time."""
    termination_message: Path = Path(contract.TERMINATION_MESSAGE_PATH)
    allow_pickle: bool = False


def parse_settings(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Return the settings; `InvalidSetting` names the variable and the values that it accepts."""
    options = _parser().parse_args(arguments)
    variables = _Variables(environment)
    port = variables.number("PORT", contract.SERVER_PORT, minimum=0) if options.port is None else options.port
    return Settings(
        image_folder=Path(environment.get(IMAGE_VARIABLE) or contract.IMAGE_FOLDER),
        model_folder=options.model_folder,
        host=options.host,
        port=int(port),
        name=environment.get(contract.SERVER_NAME_VARIABLE, ""),
        revision=environment.get(contract.SERVER_REVISION_VARIABLE, ""),
        timeout=variables.number(contract.SERVER_TIMEOUT_VARIABLE, 30.0, minimum=0.001),
        concurrency=int(variables.number(contract.SERVER_CONCURRENCY_VARIABLE, 64, minimum=1)),
        warmup=int(variables.number(contract.SERVER_WARMUP_VARIABLE, 5, minimum=0)),
        body_limit=int(variables.number(BODY_LIMIT_VARIABLE, 32 << 20, minimum=1)),
        connection_age=variables.number(CONNECTION_AGE_VARIABLE, 10.0, minimum=0),
        drain=variables.number(DRAIN_VARIABLE, contract.SERVER_DRAIN_SECONDS, minimum=0),
        threads=int(variables.number(THREADS_VARIABLE, _default_threads(), minimum=1)),
        termination_message=Path(environment.get(TERMINATION_VARIABLE) or contract.TERMINATION_MESSAGE_PATH),
        allow_pickle=options.allow_pickle,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m model_runtime.server")
    parser.add_argument(
        "--model-folder", type=Path, default=None, help="serve this folder instead of an image"
    )
    parser.add_argument(
        "--allow-pickle", action="store_true", help="allow the model's file to run code when it is loaded"
    )
    parser.add_argument("--host", default=ALL_INTERFACES)
    parser.add_argument("--port", type=int, default=None, help="0 chooses a free port; the log names it")
    return parser


def _default_threads() -> int:
    return min(8, max(1, len(os.sched_getaffinity(0))))


@dataclass(frozen=True, slots=True)
class _Variables:
    environment: Mapping[str, str]

    def number(self, variable: str, default: float, *, minimum: float) -> float:
        text = self.environment.get(variable, "").strip()
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or value < minimum:
            raise InvalidSetting(f"{variable} is {text!r}: it must be a number of at least {minimum:g}")
        return value
