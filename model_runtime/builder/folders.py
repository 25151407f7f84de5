"""Where the build's pod keeps what it needs; each place can be moved by a variable, for tests."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from model_runtime import contract

PREFIX: Final = "SEATRIAL_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Folders that are mounted, the one that may be written, and the file that tells the end."""

    work: Path
    credentials: Path
    push: Path
    pull: Path
    ca: Path
    volume: Path
    termination: Path

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """The contract's places, or those that the environment names instead."""

        def place(variable: str, default: str) -> Path:
            return Path(environment.get(PREFIX + variable) or default)

        return cls(
            work=place("WORK_FOLDER", contract.WORK_FOLDER),
            credentials=place("CREDENTIALS_FOLDER", contract.CREDENTIALS_FOLDER),
            push=place("PUSH_SECRET_FOLDER", contract.PUSH_SECRET_FOLDER),
            pull=place("PULL_SECRET_FOLDER", contract.PULL_SECRET_FOLDER),
            ca=place("CA_FOLDER", contract.CA_FOLDER),
            volume=place("VOLUME_FOLDER", contract.VOLUME_FOLDER),
            termination=place("TERMINATION_MESSAGE_PATH", contract.TERMINATION_MESSAGE_PATH),
        )

    @property
    def model(self) -> Path:
        """The fetched files."""
        return self.work / "model"

    @property
    def staging(self) -> Path:
        """What stands in the image beside them."""
        return self.work / "staging"

    @property
    def spool(self) -> Path:
        """Files that are gone again before the build ends."""
        return self.work / "spool"

    def prepare(self) -> None:
        """The writable folders exist; what looks for a home finds one there."""
        for folder in (self.model, self.staging, self.spool, self.work / "home", self.work / "bentoml"):
            folder.mkdir(parents=True, exist_ok=True)
        os.environ["HOME"] = str(self.work / "home")
        os.environ["BENTOML_HOME"] = str(self.work / "bentoml")
        os.environ["BENTOML_DO_NOT_TRACK"] = "True"
