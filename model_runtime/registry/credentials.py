"""Who we are to a registry: docker's config files and basic-auth Secrets, as they are mounted."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

from model_runtime.registry.references import DOCKER_HUB, Reference

PUSH_SECRET: Final = "spec.build.registry.pushSecretName"  # noqa: S105 - a field's name
PULL_SECRET: Final = "spec.build.registry.pullSecretName"  # noqa: S105 - a field's name
_FILES: Final = (".dockerconfigjson", "config.json", ".dockercfg")
_LARGEST: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Login:
    """One identity; its secrets never show in a log."""

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    named_in: str = PUSH_SECRET
    """The field that names its Secret."""

    @property
    def basic(self) -> str:
        """The value of an `Authorization` header."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Keyring:
    """Logins by `host[/path]`."""

    logins: Mapping[str, Login] = field(default_factory=dict)
    named_in: str = PUSH_SECRET
    """The field for the Secret with a login that is missing."""

    @classmethod
    def of(
        cls, folders: Iterable[Path], *, host: str, named_in: Sequence[str] = (PUSH_SECRET, PULL_SECRET)
    ) -> Self:
        """The logins in the Secrets mounted at `folders`; the first that knows a name wins.

        `named_in` are the fields that name the Secrets, in the same order. A Secret with nothing but a user
        and a password is for `host` alone: no other registry sees it.
        """
        logins: dict[str, Login] = {}
        for number, folder in enumerate(folders):
            name = named_in[min(number, len(named_in) - 1)]
            for key, login in _in(folder, host).items():
                logins.setdefault(key, replace(login, named_in=name))
        return cls(logins, named_in[0])

    def login_for(self, reference: Reference) -> Login | None:
        """The login whose key is the longest part of the repository's name."""
        names = [reference.repository]
        while "/" in names[-1]:
            names.append(names[-1].rpartition("/")[0])
        return next((self.logins[name] for name in names if name in self.logins), None)


def _in(folder: Path, host: str) -> dict[str, Login]:
    found: dict[str, Login] = {}
    for name in _FILES:
        if (folder / name).is_file():
            found |= _docker_config(_text(folder / name))
    if (folder / "username").is_file() and (folder / "password").is_file():
        found[host] = Login(_text(folder / "username").strip(), _text(folder / "password").strip())
    return found


def _text(path: Path) -> str:
    return path.read_text(errors="replace")[:_LARGEST]


def _docker_config(text: str) -> dict[str, Login]:
    """What can be read of it; a broken file is no login, and the registry's refusal will say so."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    entries = raw.get("auths", raw) if isinstance(raw, dict) else {}
    if not isinstance(entries, dict):
        return {}
    return {_key(name): login for name, entry in entries.items() if (login := _login(entry)) is not None}


def _key(name: str) -> str:
    """`https://index.docker.io/v1/` and `host/v2/` mean their hosts."""
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
