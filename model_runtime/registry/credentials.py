"""Logins for registries, from mounted Secrets: docker config files and basic-auth Secrets."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

from model_runtime.registry.references import DOCKER_HUB, Reference

PUSH_SECRET: Final = "spec.build.registry.pushSecretName"  # noqa: S105 - the name of a field
PULL_SECRET: Final = "spec.build.registry.pullSecretName"  # noqa: S105 - the name of a field
_FILES: Final = (".dockerconfigjson", "config.json", ".dockercfg")
_SIZE_LIMIT: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Login:
    """One login; its representation shows no secrets."""

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    spec_field: str = PUSH_SECRET
    """The field of the spec that names its Secret."""

    @property
    def basic(self) -> str:
        """Return the value of an `Authorization` header."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Keyring:
    """Logins by `host[/path]`; a longer path is more specific."""

    logins: Mapping[str, Login] = field(default_factory=dict)
    spec_field: str = PUSH_SECRET
    """The field of the spec for a Secret with a missing login."""

    @classmethod
    def from_folders(
        cls, folders: Iterable[Path], *, host: str, fields: Sequence[str] = (PUSH_SECRET, PULL_SECRET)
    ) -> Self:
        """Return the logins in the Secrets mounted at `folders`; the first one that has a name wins.

        `fields` are the fields of the spec that name the Secrets, in the same order. A Secret with only a user
        and a password is used for `host` alone: no other registry gets it.
        """
        logins: dict[str, Login] = {}
        for number, folder in enumerate(folders):
            name = fields[min(number, len(fields) - 1)]
            for key, login in _logins_in(folder, host).items():
                logins.setdefault(key, replace(login, spec_field=name))
        return cls(logins, fields[0])

    def login_for(self, reference: Reference) -> Login | None:
        """Return the login whose key is the longest prefix of the repository's name, or None."""
        names = [reference.repository]
        while "/" in names[-1]:
            names.append(names[-1].rpartition("/")[0])
        return next((self.logins[name] for name in names if name in self.logins), None)


def _logins_in(folder: Path, host: str) -> dict[str, Login]:
    logins: dict[str, Login] = {}
    for name in _FILES:
        if (folder / name).is_file():
            logins |= _docker_config(_text(folder / name))
    if (folder / "username").is_file() and (folder / "password").is_file():
        logins[host] = Login(_text(folder / "username").strip(), _text(folder / "password").strip())
    return logins


def _text(path: Path) -> str:
    return path.read_text(errors="replace")[:_SIZE_LIMIT]


def _docker_config(text: str) -> dict[str, Login]:
    """Return the logins of a config file; an invalid file has none, and the registry then rejects the request."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    entries = raw.get("auths", raw) if isinstance(raw, dict) else {}
    if not isinstance(entries, dict):
        return {}
    return {_key(name): login for name, entry in entries.items() if (login := _login(entry)) is not None}


def _key(name: str) -> str:
    """Return the key without scheme and API version: `https://index.docker.io/v1/` and `host/v2/` mean the hosts."""
    key = name.partition("://")[2] or name
    key = key.rstrip("/").removesuffix("/v1").removesuffix("/v2")
    return DOCKER_HUB if key in ("docker.io", "index.docker.io") else key


def _login(entry: Any) -> Login | None:
    if not isinstance(entry, dict):
        return None
    username, password = str(entry.get("username") or ""), str(entry.get("password") or "")
    if entry.get("auth"):
        try:
            text = base64.b64decode(str(entry["auth"])).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
        username, _, password = text.partition(":")
    token = str(entry.get("identitytoken") or "")
    return Login(username, password.strip("\0"), token) if username or token else None
