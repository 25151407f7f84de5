"""Finds the user's registry login as docker does: in docker's config file or in a credential helper."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

from model_runtime.registry.credentials import Keyring, Login
from model_runtime.registry.references import DOCKER_HUB, Reference
from tests.cluster.errors import LabError

HUB_KEY: Final = "https://index.docker.io/v1/"
"""The key of Docker Hub in docker's config file."""
TOKEN: Final = "<token>"
"""The user name with which a helper marks the secret as an identity token."""
PATIENCE: Final = 30.0
"""Seconds that a helper can take: some contact a cloud provider."""


def config_folder() -> Path:
    """Return the directory of docker's config.json."""
    return Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")


def login_for(repository: Reference, folder: Path) -> Login | None:
    """Return the user's login to the repository's registry; None if docker has none."""
    host = _docker_key(repository.host)
    if program := _helper(_config(folder), host):
        found = _login_from_helper(program, host)
        if found is not None:
            return found
    return Keyring.from_folders([folder], host=repository.host).login_for(repository)


def secret_of(login: Login, hosts: tuple[str, ...]) -> str:
    """Return a `.dockerconfigjson` with only this login, under each name of the registry."""
    entry = {"auth": base64.b64encode(f"{login.username}:{login.password}".encode()).decode()}
    if login.identity_token:
        entry["identitytoken"] = login.identity_token
    return json.dumps({"auths": {_docker_key(host): entry for host in hosts}})


def _docker_key(host: str) -> str:
    return HUB_KEY if host in (DOCKER_HUB, "docker.io", "index.docker.io") else host


def _config(folder: Path) -> dict[str, Any]:
    file = folder / "config.json"
    if not file.is_file():
        return {}
    try:
        config = json.loads(file.read_text())
    except ValueError as error:
        raise LabError(f"{file} is not valid JSON: {error}") from error
    return config if isinstance(config, dict) else {}


def _helper(config: dict[str, Any], host: str) -> str:
    """Return the helper's program; empty if the logins are in the file itself."""
    helpers = config.get("credHelpers") or {}
    name = helpers.get(host) or config.get("credsStore") or ""
    return f"docker-credential-{name}" if name else ""


def _login_from_helper(program: str, host: str) -> Login | None:
    try:
        done = subprocess.run(
            [program, "get"], input=host, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except FileNotFoundError as error:
        raise LabError(
            f"docker's config names the credential helper {program} for {host}, but it is not in PATH"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{program} does not respond for {host} within {PATIENCE:.0f} s") from error
    output = (done.stdout + done.stderr).strip()
    if done.returncode:
        if "not found" in output.lower():
            return None
        raise LabError(f"{program} has no login for {host}: {output[:200]}")
    try:
        answer = json.loads(done.stdout)
        username, secret = str(answer["Username"]), str(answer["Secret"])
    except (ValueError, KeyError, TypeError) as error:
        raise LabError(f"{program} prints no valid login for {host}") from error
    return Login(identity_token=secret) if username == TOKEN else Login(username, secret)
