"""What the pod tells the server, read once from its environment."""

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
EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 - a pod's own network


class SettingInvalid(ValueError):
    """A variable of the environment does not hold what it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one server runs; every default is what a pod without a word about it gets."""

    image_folder: Path = Path(contract.IMAGE_FOLDER)
    """Where the build put the Bento, the signature and the example."""
    model_folder: Path | None = None
    """Serve a bare model folder instead of an image: for trying a model out, and for tests."""
    host: str = EVERYWHERE
    port: int = contract.SERVER_PORT
    name: str = ""
    """The name that clients use under `/v2/models/`; empty means the Bento's."""
    revision: str = ""
    timeout: float = 30.0
    """Seconds from the first byte of a request to its answer."""
    concurrency: int = 64
    """Predictions at once; one more is refused."""
    warmup: int = 5
    body_limit: int = 32 << 20
    """Bytes. JSON needs about ten times its size in memory while it is read."""
    connection_age: float = 10.0
    """Seconds after which a connection ends, shortly before with a response; 0 keeps connections for ever."""
    drain: float = float(contract.SERVER_DRAIN_SECONDS)
    threads: int = 2
    """Slow predictions that run at the same time."""
    termination_message: Path = Path(contract.TERMINATION_MESSAGE_PATH)
    allow_pickle: bool = False


def of(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """The settings in arguments and environment; `SettingInvalid` names the variable and what it takes."""
    given = _parser().parse_args(arguments)
    read = _Reader(environment)
    port = read.number("PORT", contract.SERVER_PORT, least=0) if given.port is None else given.port
    return Settings(
        image_folder=Path(environment.get(IMAGE_VARIABLE) or contract.IMAGE_FOLDER),
        model_folder=given.model_folder,
        host=given.host,
        port=int(port),
        name=environment.get(contract.SERVER_NAME_VARIABLE, ""),
        revision=environment.get(contract.SERVER_REVISION_VARIABLE, ""),
        timeout=read.number(contract.SERVER_TIMEOUT_VARIABLE, 30.0, least=0.001),
        concurrency=int(read.number(contract.SERVER_CONCURRENCY_VARIABLE, 64, least=1)),
        warmup=int(read.number(contract.SERVER_WARMUP_VARIABLE, 5, least=0)),
        body_limit=int(read.number(BODY_LIMIT_VARIABLE, 32 << 20, least=1)),
        connection_age=read.number(CONNECTION_AGE_VARIABLE, 10.0, least=0),
        drain=read.number(DRAIN_VARIABLE, contract.SERVER_DRAIN_SECONDS, least=0),
        threads=int(read.number(THREADS_VARIABLE, _cores(), least=1)),
        termination_message=Path(environment.get(TERMINATION_VARIABLE) or contract.TERMINATION_MESSAGE_PATH),
        allow_pickle=given.allow_pickle,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m model_runtime.server")
    parser.add_argument(
        "--model-folder", type=Path, default=None, help="serve this folder instead of an image"
    )
    parser.add_argument(
        "--allow-pickle", action="store_true", help="let the model's file run code when loaded"
    )
    parser.add_argument("--host", default=EVERYWHERE)
    parser.add_argument("--port", type=int, default=None, help="0 takes a free one; the log says which")
    return parser


def _cores() -> int:
    return min(8, max(1, len(os.sched_getaffinity(0))))


@dataclass(frozen=True, slots=True)
class _Reader:
    environment: Mapping[str, str]

    def number(self, variable: str, default: float, *, least: float) -> float:
        text = self.environment.get(variable, "").strip()
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or value < least:
            raise SettingInvalid(f"{variable} is {text!r}; it takes a number of at least {least:g}")
        return value
