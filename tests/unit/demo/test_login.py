"""The user's registry login is found by docker's own rules."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_runtime.registry.credentials import Keyring, Login
from model_runtime.registry.references import Reference
from tests.cluster.errors import LabError
from tests.stage import login

HERE = Reference.parse("registry.example:5000/team/seatrial-models")
HUB = Reference.parse("docker.io/team/seatrial-models")


def auth(username: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., Path]:
    """Write a config.json, and return its directory."""

    def written(**content: Any) -> Path:
        (tmp_path / "config.json").write_text(json.dumps(content))
        return tmp_path

    return written


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Write a docker-credential-vault script in PATH; return the file in which it records its arguments."""

    def written(text: str) -> Path:
        program = tmp_path / "docker-credential-vault"
        program.write_text(f'#!/bin/sh\necho "$1 $(cat)" > {tmp_path}/asked\n{text}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        return tmp_path / "asked"

    return written


def test_without_a_config_there_is_no_login(tmp_path: Path) -> None:
    assert login.login_for(HERE, tmp_path) is None


def test_a_login_for_another_registry_is_not_used(config: Callable[..., Path]) -> None:
    folder = config(auths={"other.example": auth("jo", "secret")})
    assert login.login_for(HERE, folder) is None


def test_a_login_in_the_config_file_is_used(config: Callable[..., Path]) -> None:
    folder = config(auths={"registry.example:5000": auth("jo", "a:b")})
    assert login.login_for(HERE, folder) == Login("jo", "a:b")


def test_docker_hub_has_a_key_of_its_own(config: Callable[..., Path]) -> None:
    assert login.login_for(HUB, config(auths={login.HUB_KEY: auth("jo", "secret")})) == Login("jo", "secret")


def test_a_helper_is_asked_for_the_registry(
    config: Callable[..., Path], helper: Callable[[str], Path]
) -> None:
    asked = helper("""echo '{"ServerURL": "x", "Username": "jo", "Secret": "s3"}'""")
    assert login.login_for(HERE, config(credHelpers={HERE.host: "vault"})) == Login("jo", "s3")
    assert asked.read_text() == "get registry.example:5000\n"


def test_a_helper_knows_docker_s_registry_by_docker_s_key(
    config: Callable[..., Path], helper: Callable[[str], Path]
) -> None:
    asked = helper("""echo '{"Username": "jo", "Secret": "s3"}'""")
    login.login_for(HUB, config(credsStore="vault"))
    assert asked.read_text() == f"get {login.HUB_KEY}\n"


def test_a_helper_of_the_registry_comes_before_the_credential_store(
    config: Callable[..., Path], helper: Callable[[str], Path]
) -> None:
    helper("""echo '{"Username": "jo", "Secret": "s3"}'""")
    folder = config(credsStore="not-installed", credHelpers={HERE.host: "vault"})
    assert login.login_for(HERE, folder) == Login("jo", "s3")


def test_the_config_file_is_used_if_the_store_has_no_login(
    config: Callable[..., Path], helper: Callable[[str], Path]
) -> None:
    helper("echo 'credentials not found in native keychain'; exit 1")
    assert login.login_for(HERE, config(credsStore="vault")) is None
    stored = config(credsStore="vault", auths={HERE.host: auth("jo", "secret")})
    assert login.login_for(HERE, stored) == Login("jo", "secret")


def test_an_identity_token_is_not_a_password(
    config: Callable[..., Path], helper: Callable[[str], Path]
) -> None:
    helper("""echo '{"Username": "<token>", "Secret": "t0"}'""")
    assert login.login_for(HERE, config(credsStore="vault")) == Login(identity_token="t0")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        pytest.param(
            "echo 'the vault is shut' >&2; exit 1", "has no login .*: the vault is shut", id="helper fails"
        ),
        pytest.param("echo hello", "prints no valid login", id="no JSON"),
        pytest.param("echo '{}'", "prints no valid login", id="no user name"),
        pytest.param("echo '[]'", "prints no valid login", id="a list"),
    ],
)
def test_a_failing_helper_is_reported_by_name(
    script: str, message: str, config: Callable[..., Path], helper: Callable[[str], Path]
) -> None:
    helper(script)
    with pytest.raises(LabError, match=f"docker-credential-vault.*{message}"):
        login.login_for(HERE, config(credsStore="vault"))


def test_a_helper_that_is_not_installed_is_reported_by_name(config: Callable[..., Path]) -> None:
    with pytest.raises(LabError, match=r"docker-credential-nowhere.*not in PATH"):
        login.login_for(HERE, config(credsStore="nowhere"))


def test_an_invalid_config_is_reported_by_name(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(LabError, match=r"config\.json is not valid JSON"):
        login.login_for(HERE, tmp_path)


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=20)


@given(TEXT.filter(lambda name: ":" not in name), TEXT)
def test_builds_and_nodes_can_read_the_login_of_the_secret(
    tmp_path_factory: pytest.TempPathFactory, username: str, password: str
) -> None:
    folder = tmp_path_factory.mktemp("secret")
    names = ("127.0.0.1:5000", "registry.lab:5000")
    (folder / ".dockerconfigjson").write_text(login.secret_of(Login(username, password), names))
    for host in names:
        found = Keyring.from_folders([folder], host=host).login_for(
            Reference.parse(f"{host}/seatrial-models")
        )
        assert found == Login(username, password)


def test_the_secret_has_only_the_login_of_this_registry() -> None:
    written = json.loads(login.secret_of(Login("jo", "x", "token"), ("docker.io",)))
    assert list(written) == ["auths"]
    assert list(written["auths"]) == [login.HUB_KEY]
    assert written["auths"][login.HUB_KEY]["identitytoken"] == "token"
