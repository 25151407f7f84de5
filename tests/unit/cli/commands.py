"""The commands as a person runs them, in this process or, where they read the standard input, in one of their own."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from seatrial.cli import main, yaml_output
from seatrial.cli.cluster import Connect
from seatrial.codegen import generate
from seatrial.kube.transport import Transport
from tests.golden import play

SETTINGS = play.FOLDER / "settings.yaml"
NOW = "2026-11-21T13:00:45Z"
IMAGE = "registry.shop/churn@sha256:" + "4" * 64


def connecting(server: Transport | None) -> Connect:
    """Leads every context to this server; without one, whoever asks a cluster fails."""

    @asynccontextmanager
    async def connect(_context: str) -> AsyncIterator[Transport]:
        assert server is not None, "no cluster should have been asked"
        yield server

    return connect


def printed(*arguments: str | Path, server: Transport | None = None) -> str:
    """What a command prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        main.main([str(argument) for argument in arguments], connect=connecting(server))
    return out.getvalue()


def refused(*arguments: str | Path, server: Transport | None = None) -> str:
    """The sentence with which a command ends; nothing is printed beside it."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main.main([str(argument) for argument in arguments], connect=connecting(server))
    assert (ended.value.code, out.getvalue()) == (2, "")
    return err.getvalue()


def piped(text: str, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, with a standard input."""
    words = [sys.executable, "-m", "seatrial.cli.main", *(str(argument) for argument in arguments)]
    root = generate.REPOSITORY
    environment = {**os.environ, "PYTHONPATH": f"{root / 'operator'}:{root}", **environment}
    return subprocess.run(
        words, input=text, text=True, capture_output=True, env=environment, check=False, timeout=60
    )


def stored(folder: Path, story: play.Story) -> list[str | Path]:
    """The arguments of a plan for a situation, whose files are written into `folder`."""
    (folder / "cr.yaml").write_text(yaml_output.yaml_of(story.cr))
    (folder / "observed.yaml").write_text(yaml_output.yaml_of(list(story.observed)))
    now = f"{story.now:%Y-%m-%dT%H:%M:%SZ}"
    against = ["--against", folder / "observed.yaml"]
    return ["plan", "-f", folder / "cr.yaml", *against, "--now", now, "--settings", SETTINGS]


def file_of(folder: Path, *objects: object, name: str = "given.yaml") -> Path:
    """A file of several documents; texts are written as they are."""
    texts = [one if isinstance(one, str) else yaml_output.yaml_of(one) for one in objects]
    (folder / name).write_text("---\n".join(texts))
    return folder / name


def a_deployment(name: str = "churn", **spec: object) -> dict[str, object]:
    """A ModelDeployment of an image, in namespace shop."""
    return {
        "apiVersion": "seatrial.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"model": {"image": IMAGE}, **spec},
    }
