"""The registry of an existing cluster: its names, and the errors of a push."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from model_runtime.registry.credentials import Login
from tests.cluster import oci
from tests.cluster.errors import LabError
from tests.stage import registry_location
from tests.stage.registry_location import RegistryLocation


def location(registry: str, pull: str = "", **more: Any) -> RegistryLocation:
    options = {"ca_file": None, "plain_http": False, "docker": Path("/nowhere"), **more}
    return registry_location.registry_location(registry, pull, **options)


def test_the_cluster_can_use_another_name_for_the_registry() -> None:
    address = location("127.0.0.1:4711/team/", "registry.lab:5000/team")
    assert address.pushed("operator") == "127.0.0.1:4711/team/seatrial-operator"
    assert address.pulled("models") == "registry.lab:5000/team/seatrial-models"
    assert address.hosts == ("127.0.0.1:4711", "registry.lab:5000")


def test_the_pull_registry_defaults_to_the_push_registry() -> None:
    address = location("docker.io/jo")
    assert address.pulled("operator") == "docker.io/jo/seatrial-operator"
    assert address.hosts == ("docker.io",)


@pytest.mark.parametrize(
    ("registry", "pull", "option"),
    [
        pytest.param("team/images", "", "REGISTRY", id="no host: docker would use Docker Hub"),
        pytest.param("https://r.example/team", "", "REGISTRY", id="a scheme"),
        pytest.param("r.example/Team", "", "REGISTRY", id="a capital letter"),
        pytest.param("r.example/team:v1", "", "REGISTRY", id="a tag"),
        pytest.param("r.example --help", "", "REGISTRY", id="a space"),
        pytest.param("", "", "REGISTRY", id="empty"),
        pytest.param("r.example", "registry", "PULL_REGISTRY", id="a pull registry without a host"),
    ],
)
def test_an_invalid_registry_name_is_rejected(registry: str, pull: str, option: str) -> None:
    with pytest.raises(LabError, match=rf"^{option} must be HOST\[:PORT\]\[/PATH\]"):
        location(registry, pull)


def test_the_certificate_authority_must_be_a_pem_file(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="cannot be read: No such file"):
        location("r.example", ca_file=tmp_path / "ca.crt")
    (tmp_path / "ca.crt").write_bytes(b"\x30\x82")
    with pytest.raises(LabError, match="contains no PEM certificate"):
        location("r.example", ca_file=tmp_path / "ca.crt")


def test_the_architecture_of_an_image_is_read_from_its_layout(tmp_path: Path) -> None:
    (tmp_path / "layer").write_bytes(b"")
    oci.write_layout(tmp_path / "image", tmp_path / "layer", oci.Settings())
    assert registry_location.architecture_of(tmp_path / "image") in ("amd64", "arm64")


def push_error(stderr: str, **more: Any) -> str:
    address = RegistryLocation(registry="r.example/team", pull_registry="r.example/team", **more)
    return registry_location.push_error(address, "operator", stderr)


LOG_LINE = 'time="2026-11-25T16:00:00Z" level=fatal msg="{}"\n'


@pytest.mark.parametrize(
    ("cause", "hint"),
    [
        pytest.param(
            "denied: requested access to the resource is denied", "docker login r.example", id="denied"
        ),
        pytest.param("unauthorized: authentication required", "docker login r.example", id="no login"),
        pytest.param("invalid status code from registry 403 (Forbidden)", "docker login", id="forbidden"),
        pytest.param(
            "x509: certificate signed by unknown authority",
            "REGISTRY_CA=FILE",
            id="unknown certificate authority",
        ),
        pytest.param("http: server gave HTTP response to HTTPS client", "PLAIN_HTTP=1", id="no TLS"),
        pytest.param(
            "dial tcp: lookup r.example: no such host", "check that r.example is right", id="no such host"
        ),
        pytest.param("", "check that r.example is right", id="no error message"),
    ],
)
def test_a_failed_push_is_one_sentence_with_cause_and_remedy(cause: str, hint: str) -> None:
    sentence = push_error("Getting image source signatures\n" + LOG_LINE.format(cause))
    assert sentence.startswith("cannot push r.example/team/seatrial-operator: ")
    assert hint in sentence
    assert "\n" not in sentence
    assert cause in sentence


def test_a_rejected_login_is_distinguished_from_a_missing_one() -> None:
    stderr = LOG_LINE.format("unauthorized")
    assert "a push without a login" in push_error(stderr)
    assert "your login" in push_error(stderr, login=Login("jo", "secret"))
    assert "secret" not in push_error(stderr, login=Login("jo", "secret"))


def test_layers_are_not_compressed_for_a_registry_on_this_machine(tmp_path: Path) -> None:
    def options(registry: str, folder: str) -> list[str]:
        (tmp_path / folder).mkdir()
        return registry_location.skopeo_options(
            RegistryLocation(registry=registry, pull_registry=registry), tmp_path / folder
        )

    assert "--preserve-digests" in options("localhost:5000/team", "a")
    assert "--preserve-digests" in options("127.0.0.1:5000", "b")
    assert "--preserve-digests" not in options("localhost.example:5000", "c")


def test_a_push_uses_only_this_login(tmp_path: Path) -> None:
    login = Login("jo", "secret")
    address = RegistryLocation(registry="r.example/team", pull_registry="r.example/team", login=login)
    options = registry_location.skopeo_options(address, tmp_path)
    assert f"--dest-authfile={tmp_path / 'auth.json'}" in options
    assert (tmp_path / "auth.json").stat().st_mode & 0o077 == 0
    assert not any("secret" in option for option in options)


def test_without_a_login_skopeo_does_not_use_its_own(tmp_path: Path) -> None:
    address = RegistryLocation(registry="r.example", pull_registry="r.example")
    registry_location.skopeo_options(address, tmp_path)
    assert (tmp_path / "auth.json").read_text() == '{"auths": {}}'
