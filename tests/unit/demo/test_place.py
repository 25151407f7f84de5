"""Where images go: a registry's names, and what is said when it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from model_runtime.registry.credentials import Login
from tests.cluster import oci
from tests.cluster.errors import LabError
from tests.stage import place
from tests.stage.place import Place


def made(registry: str, pull: str = "", **more: Any) -> Place:
    options = {"ca_file": None, "plain_http": False, "docker": Path("/nowhere"), **more}
    return place.place_of(registry, pull, **options)


def test_the_cluster_may_have_another_name_for_it() -> None:
    found = made("127.0.0.1:4711/team/", "registry.lab:5000/team")
    assert found.pushed("operator") == "127.0.0.1:4711/team/seatrial-operator"
    assert found.pulled("models") == "registry.lab:5000/team/seatrial-models"
    assert found.hosts == ("127.0.0.1:4711", "registry.lab:5000")


def test_without_another_name_there_is_one() -> None:
    found = made("docker.io/jo")
    assert found.pulled("operator") == "docker.io/jo/seatrial-operator"
    assert found.hosts == ("docker.io",)


@pytest.mark.parametrize(
    ("registry", "pull", "option"),
    [
        pytest.param("team/images", "", "REGISTRY", id="no host: it would be docker's"),
        pytest.param("https://r.example/team", "", "REGISTRY", id="a scheme"),
        pytest.param("r.example/Team", "", "REGISTRY", id="a capital"),
        pytest.param("r.example/team:v1", "", "REGISTRY", id="a tag"),
        pytest.param("r.example --help", "", "REGISTRY", id="two words"),
        pytest.param("", "", "REGISTRY", id="nothing"),
        pytest.param("r.example", "registry", "PULL_REGISTRY", id="the cluster's name without a host"),
    ],
)
def test_what_is_no_registry_is_refused(registry: str, pull: str, option: str) -> None:
    with pytest.raises(LabError, match=rf"^{option} is HOST\[:PORT\]\[/PATH\]"):
        made(registry, pull)


def test_an_authority_is_a_pem_file(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="cannot be read: No such file"):
        made("r.example", ca_file=tmp_path / "ca.crt")
    (tmp_path / "ca.crt").write_bytes(b"\x30\x82")
    with pytest.raises(LabError, match="has no PEM certificate"):
        made("r.example", ca_file=tmp_path / "ca.crt")


def test_an_image_says_what_it_runs_on(tmp_path: Path) -> None:
    (tmp_path / "layer").write_bytes(b"")
    oci.write_layout(tmp_path / "image", tmp_path / "layer", oci.Settings())
    assert place.architecture_of(tmp_path / "image") in ("amd64", "arm64")


def refusal(said: str, **more: Any) -> str:
    where = Place(registry="r.example/team", pull_registry="r.example/team", **more)
    return place.refusal(where, "operator", said)


LOGGED = 'time="2026-11-25T16:00:00Z" level=fatal msg="{}"\n'


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        pytest.param(
            "denied: requested access to the resource is denied", "docker login r.example", id="denied"
        ),
        pytest.param("unauthorized: authentication required", "docker login r.example", id="no login"),
        pytest.param("invalid status code from registry 403 (Forbidden)", "docker login", id="forbidden"),
        pytest.param(
            "x509: certificate signed by unknown authority", "REGISTRY_CA=FILE", id="an own authority"
        ),
        pytest.param("http: server gave HTTP response to HTTPS client", "PLAIN_HTTP=1", id="no TLS"),
        pytest.param("dial tcp: lookup r.example: no such host", "is r.example right", id="no such host"),
        pytest.param("", "is r.example right", id="silence"),
    ],
)
def test_a_refused_push_is_one_sentence_with_its_remedy(said: str, hint: str) -> None:
    sentence = refusal("Getting image source signatures\n" + LOGGED.format(said))
    assert sentence.startswith("r.example/team/seatrial-operator cannot be pushed: ")
    assert hint in sentence
    assert "\n" not in sentence
    assert said in sentence


def test_a_refused_login_is_told_from_a_missing_one() -> None:
    said = LOGGED.format("unauthorized")
    assert "a push without a login" in refusal(said)
    assert "your login" in refusal(said, login=Login("jo", "secret"))
    assert "secret" not in refusal(said, login=Login("jo", "secret"))


def test_a_registry_on_this_machine_gets_the_layers_as_they_lie(tmp_path: Path) -> None:
    def options(registry: str, folder: str) -> list[str]:
        (tmp_path / folder).mkdir()
        return place.manner(Place(registry=registry, pull_registry=registry), tmp_path / folder)

    assert "--preserve-digests" in options("localhost:5000/team", "a")
    assert "--preserve-digests" in options("127.0.0.1:5000", "b")
    assert "--preserve-digests" not in options("localhost.example:5000", "c")


def test_a_push_shows_this_login_and_no_other(tmp_path: Path) -> None:
    where = Place(registry="r.example/team", pull_registry="r.example/team", login=Login("jo", "secret"))
    options = place.manner(where, tmp_path)
    assert f"--dest-authfile={tmp_path / 'auth.json'}" in options
    assert (tmp_path / "auth.json").stat().st_mode & 0o077 == 0
    assert not any("secret" in option for option in options)


def test_without_a_login_skopeo_looks_for_none_of_its_own(tmp_path: Path) -> None:
    place.manner(Place(registry="r.example", pull_registry="r.example"), tmp_path)
    assert (tmp_path / "auth.json").read_text() == '{"auths": {}}'
