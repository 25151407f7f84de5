"""A running lab, as tests and people see it, and the record by which it is found again."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from tests.cluster import cache, kubectl
from tests.cluster.errors import LabError
from tests.cluster.plan import Pid

Flavour = Literal["control-plane", "node"]
RECORD = "lab.json"


@dataclass(frozen=True, slots=True)
class Record:
    """What must be known to find a lab again; kept as lab.json in its folder."""

    name: str
    flavour: Flavour
    keeper: Pid
    ports: dict[str, int]  # loopback ports outside, by what answers there


@dataclass(frozen=True, slots=True)
class Lab:
    """A lab of either flavour. The control plane is this and nothing more; the node adds to it (see node_lab)."""

    folder: Path
    record: Record

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def flavour(self) -> Flavour:
        return self.record.flavour

    @property
    def kubeconfig(self) -> Path:
        """Cluster admin, from outside, by loopback."""
        return self.folder / "kubeconfig"

    @property
    def environment(self) -> dict[str, str]:
        """What a program must have in its environment to use the lab."""
        return {"KUBECONFIG": str(self.kubeconfig)}

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl printed. Raises LabError with its own words."""
        return kubectl.run(self.kubeconfig, *arguments, stdin=stdin)

    def apply(self, objects: str) -> None:
        """The objects (YAML or JSON) are applied on the server's side."""
        kubectl.apply(self.kubeconfig, objects)

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs `argv` in the lab; on a control plane that is beside it."""
        return list(argv)

    def exec(self, argv: Sequence[str], *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`argv` has run in the lab, its output captured. Raises LabError when it failed and `check` holds."""
        environment = {**os.environ, **self.environment}
        done = subprocess.run(
            self.command(argv), env=environment, capture_output=True, text=True, check=False
        )
        if check and done.returncode:
            raise LabError(f"`{' '.join(argv)}` ended with {done.returncode}: {done.stderr.strip()}")
        return done

    def log(self, process: str) -> Path:
        """The log of one of the lab's processes."""
        return self.folder / "logs" / f"{process}.log"

    def describe(self) -> list[str]:
        """Lines for people: what runs and where."""
        return [f"{self.flavour} '{self.name}', api https://127.0.0.1:{self.record.ports['api']}"]

    def lives(self) -> bool:
        return self.record.keeper.lives()

    def down(self) -> None:
        """No process and no file of the lab is left."""
        self.record.keeper.end(group=True)
        remove(self.folder)


def folder_of(name: str) -> Path:
    """The folder of the lab with this name. Raises LabError for a name that is no file name."""
    if not name or not all(letter.isalnum() or letter in "-_" for letter in name):
        raise LabError(f"a lab's name has letters, digits, '-' and '_', not '{name}'")
    return cache.labs() / name


def write_record(folder: Path, record: Record) -> None:
    """The lab can be found by its folder from now on."""
    spare = folder / f".{RECORD}"
    spare.write_text(json.dumps(asdict(record)))
    spare.replace(folder / RECORD)  # half a record would be none, and its processes nobody's


def read_record(folder: Path) -> Record | None:
    """The record of the lab in this folder, when there is a readable one."""
    try:
        data = json.loads((folder / RECORD).read_text())
        return Record(data["name"], data["flavour"], Pid(**data["keeper"]), data["ports"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remove(folder: Path) -> None:
    """The folder is gone."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        raise LabError(f"{folder} cannot be removed; is it another user's? Remove it by hand")
