"""Runs the commands as a user does: in this process or, with a standard input, in a process of their own."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from seatrial.cli import main, yaml_output
from seatrial.cli.cluster import Connect
from seatrial.codegen import generate
from seatrial.kube.transport import Transport
from tests.golden import play

SETTINGS = play.FOLDER / "settings.yaml"
NOW = "2026-11-21T13:00:45Z"
DECIDED_AT = datetime(2026, 11, 21, 15, 4, 5, tzinfo=UTC)
"""When `seatrial decide` runs in a test."""
DECISION_PREFIX = "churn-20261121t150405-"
IMAGE = "registry.shop/churn@sha256:" + "4" * 64


def connect_to(server: Transport | None) -> Connect:
    """Return what connects every context to this server; without a server, connecting fails the test."""

    @asynccontextmanager
    async def connect(_context: str) -> AsyncIterator[Transport]:
        assert server is not None, "the command contacts a cluster"
        yield server

    return connect


def _run(arguments: tuple[str | Path, ...], server: Transport | None) -> None:
    texts = [str(argument) for argument in arguments]
    main.main(texts, connect=connect_to(server), clock=lambda: DECIDED_AT)


def output_of(*arguments: str | Path, server: Transport | None = None) -> str:
    """Run a command that succeeds, and return its output."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        _run(arguments, server)
    return out.getvalue()


def error_of(*arguments: str | Path, server: Transport | None = None) -> str:
    """Run a command that fails with status 2 and without output, and return its error."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as end:
        _run(arguments, server)
    assert (end.value.code, out.getvalue()) == (2, "")
    return err.getvalue()


def run_process(stdin: str, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, with this standard input."""
    command = [sys.executable, "-m", "seatrial.cli.main", *(str(argument) for argument in arguments)]
    root = generate.REPOSITORY
    environment = {**os.environ, "PYTHONPATH": f"{root / 'operator'}:{root}", **environment}
    return subprocess.run(
        command, input=stdin, text=True, capture_output=True, env=environment, check=False, timeout=60
    )


def plan_arguments(folder: Path, story: play.Story) -> list[str | Path]:
    """Write the files of a situation into `folder`, and return the arguments that plan it."""
    (folder / "cr.yaml").write_text(yaml_output.to_yaml(story.cr))
    (folder / "observed.yaml").write_text(yaml_output.to_yaml(list(story.observed)))
    now = f"{story.now:%Y-%m-%dT%H:%M:%SZ}"
    against = ["--against", folder / "observed.yaml"]
    return ["plan", "-f", folder / "cr.yaml", *against, "--now", now, "--settings", SETTINGS]


def write_file(folder: Path, *documents: object, name: str = "input.yaml") -> Path:
    """Write a file of several YAML documents; a string is written as it is."""
    texts = [
        document if isinstance(document, str) else yaml_output.to_yaml(document) for document in documents
    ]
    (folder / name).write_text("---\n".join(texts))
    return folder / name


def model_deployment(name: str = "churn", **spec: object) -> dict[str, object]:
    """Return a ModelDeployment of an image in namespace shop."""
    return {
        "apiVersion": "seatrial.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"model": {"image": IMAGE}, **spec},
    }
