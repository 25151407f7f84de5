"""The folders and files of the build's pod; tests move each of them with a variable."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from model_runtime import contract

PREFIX: Final = "SEATRIAL_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """The mounted folders, the writable one, and the file of the termination message."""

    work: Path
    credentials: Path
    push: Path
    pull: Path
    ca: Path
    volume: Path
    termination: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Return the folders of the contract, or those that the environment names instead."""

        def path(variable: str, default: str) -> Path:
            return Path(environment.get(PREFIX + variable) or default)

        return cls(
            work=path("WORK_FOLDER", contract.WORK_FOLDER),
            credentials=path("CREDENTIALS_FOLDER", contract.CREDENTIALS_FOLDER),
            push=path("PUSH_SECRET_FOLDER", contract.PUSH_SECRET_FOLDER),
            pull=path("PULL_SECRET_FOLDER", contract.PULL_SECRET_FOLDER),
            ca=path("CA_FOLDER", contract.CA_FOLDER),
            volume=path("VOLUME_FOLDER", contract.VOLUME_FOLDER),
            termination=path("TERMINATION_MESSAGE_PATH", contract.TERMINATION_MESSAGE_PATH),
        )

    @property
    def model(self) -> Path:
        """Return the folder of the fetched files."""
        return self.work / "model"

    @property
    def staging(self) -> Path:
        """Return the folder of everything else that enters the image."""
        return self.work / "staging"

    @property
    def spool(self) -> Path:
        """Return the folder of temporary files."""
        return self.work / "spool"

    def prepare(self) -> None:
        """Create the writable folders, and point HOME and BentoML to them: the root of the pod is read-only."""
        for folder in (self.model, self.staging, self.spool, self.work / "home", self.work / "bentoml"):
            folder.mkdir(parents=True, exist_ok=True)
        os.environ["HOME"] = str(self.work / "home")
        os.environ["BENTOML_HOME"] = str(self.work / "bentoml")
        os.environ["BENTOML_DO_NOT_TRACK"] = "True"
