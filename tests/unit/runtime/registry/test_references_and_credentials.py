"""What images are called, who we are, and what a registry asks for."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from model_runtime.registry.auth import Challenge, challenge_of
from model_runtime.registry.credentials import Keyring, Login
from model_runtime.registry.references import Reference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        pytest.param("python:3.11", "registry-1.docker.io/library/python:3.11", id="Docker Hub's own"),
        pytest.param("jo/app", "registry-1.docker.io/jo/app:latest", id="Docker Hub's others"),
        pytest.param("docker.io/jo/app:1", "registry-1.docker.io/jo/app:1", id="Docker Hub by name"),
        pytest.param("localhost/app:1", "localhost/app:1", id="a host without a dot"),
        pytest.param("127.0.0.1:5000/a/b", "127.0.0.1:5000/a/b:latest", id="a port is no tag"),
        pytest.param(f"r.io/a/b:1@{DIGEST}", f"r.io/a/b@{DIGEST}", id="a digest beats its tag"),
    ],
)
def test_a_reference_is_completed_as_container_runtimes_do(text: str, whole: str) -> None:
    assert str(Reference.parse(text)) == whole


@pytest.mark.parametrize(
    "text", ["", "r.io/A", "r.io/a b", "r.io/a@sha256:12", "r.io/a:ta g", "r.io/../b", "https://r.io/a"]
)
def test_an_invalid_reference_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an image name|no digest"):
        Reference.parse(text)


def keyring(folder: Path, **auths: dict[str, str]) -> Keyring:
    names = {name.replace("__", "/").replace("_", "."): entry for name, entry in auths.items()}
    (folder / ".dockerconfigjson").write_text(json.dumps({"auths": names}))
    return Keyring.from_folders([folder], host="h.io")


def test_the_longest_matching_key_of_a_docker_config_wins(tmp_path: Path) -> None:
    ring = keyring(
        tmp_path,
        r_io={"username": "host", "password": "x"},
        r_io__team={"username": "team", "password": "x"},
        https={"username": "", "password": ""},
    )

    assert ring.login_for(Reference.parse("r.io/team/app")) == Login("team", "x")
    assert ring.login_for(Reference.parse("r.io/other/app")) == Login("host", "x")
    assert ring.login_for(Reference.parse("other.io/team/app")) is None


def test_the_old_address_of_docker_hub_means_docker_hub(tmp_path: Path) -> None:
    auth = base64.b64encode(b"jo:se:cret").decode()
    (tmp_path / "config.json").write_text(
        json.dumps({"auths": {"https://index.docker.io/v1/": {"auth": auth}}})
    )

    assert Keyring.from_folders([tmp_path], host="h.io").login_for(Reference.parse("jo/app")) == Login(
        "jo", "se:cret"
    )


def test_a_basic_auth_secret_is_for_the_registry_of_the_build_only(tmp_path: Path) -> None:
    (tmp_path / "username").write_text("jo\n")
    (tmp_path / "password").write_text("secret\n")

    ring = Keyring.from_folders([tmp_path], host="h.io:5000")
    assert ring.login_for(Reference.parse("h.io:5000/app")) == Login("jo", "secret")
    assert ring.login_for(Reference.parse("other.io/app")) is None


def test_the_push_secret_wins_over_the_pull_secret(tmp_path: Path) -> None:
    for name in ("push", "pull"):
        (tmp_path / name).mkdir()
        keyring(tmp_path / name, r_io={"username": name, "password": "x"})

    login = Keyring.from_folders([tmp_path / "push", tmp_path / "pull"], host="h.io").login_for(
        Reference.parse("r.io/app")
    )
    assert login == Login("push", "x")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"auths": {"r.io": "x"}}', '{"auths": {"r.io": {"auth": "%"}}}']
)
def test_an_invalid_docker_config_has_no_login(tmp_path: Path, text: str) -> None:
    (tmp_path / ".dockerconfigjson").write_text(text)

    assert (
        Keyring.from_folders([tmp_path, tmp_path / "absent"], host="h.io").login_for(
            Reference.parse("r.io/app")
        )
        is None
    )


def test_the_repr_of_a_login_has_no_secrets() -> None:
    assert "secret" not in repr(Login("jo", "secret", "secret"))


@pytest.mark.parametrize(
    ("header", "challenge"),
    [
        pytest.param("", None, id="nothing"),
        pytest.param("Negotiate", None, id="a scheme that we cannot answer"),
        pytest.param('Basic realm="r"', Challenge("basic", "r"), id="basic"),
        pytest.param(
            'Bearer realm="https://a/t",service="s",scope="repository:a/b:pull,push repository:c:pull"',
            Challenge("bearer", "https://a/t", "s", "repository:a/b:pull,push repository:c:pull"),
            id="bearer with two scopes",
        ),
        pytest.param(
            'Basic realm="r", Bearer realm="https://a/t",service=s',
            Challenge("bearer", "https://a/t", "s"),
            id="bearer beats basic",
        ),
    ],
)
def test_a_challenge_is_parsed(header: str, challenge: Challenge | None) -> None:
    assert challenge_of(header) == challenge
