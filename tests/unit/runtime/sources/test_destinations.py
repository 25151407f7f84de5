"""Builds connect neither to link-local addresses nor, if the settings say so, to private networks."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx
import pytest

from model_runtime import sources
from model_runtime.destinations import Destinations
from model_runtime.failures import RegistryUnavailable, SourceForbidden
from model_runtime.registry.client import RegistryClient
from model_runtime.registry.credentials import Keyring
from model_runtime.registry.references import Reference
from model_runtime.registry.transport import Transport
from tests.unit.runtime.sources.servers import Handler, fetch_request, fetched_files, serving

METADATA = "169.254.169.254"


@pytest.mark.parametrize(
    "address",
    [
        pytest.param(METADATA, id="metadata of most clouds"),
        pytest.param("169.254.170.2", id="credentials of ECS tasks"),
        pytest.param("fe80::1", id="link-local IPv6"),
        pytest.param("fe80::1%eth0", id="with a zone"),
        pytest.param("::ffff:169.254.169.254", id="IPv4 in IPv6"),
        pytest.param("64:ff9b::a9fe:a9fe", id="IPv4 behind NAT64"),
        pytest.param("2002:a9fe:a9fe::1", id="IPv4 in 6to4"),
        pytest.param("fd00:ec2::254", id="metadata of AWS over IPv6"),
        pytest.param("168.63.129.16", id="metadata of Azure"),
        pytest.param("100.100.100.200", id="metadata of Alibaba"),
    ],
)
def test_link_local_addresses_are_always_refused(address: str) -> None:
    with pytest.raises(SourceForbidden, match="link-local"):
        Destinations().require("models.example", [address])


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", "127.0.0.1"]
)
def test_private_networks_are_refused_where_the_settings_say_so(address: str) -> None:
    Destinations().require("models.example", [address])
    with pytest.raises(SourceForbidden, match=r"private network, and settings\.privateSources"):
        Destinations(private=False).require("models.example", [address])


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1"])
def test_public_addresses_are_permitted(address: str) -> None:
    Destinations(private=False).require("models.example", [address])


def test_one_refused_address_is_enough() -> None:
    with pytest.raises(SourceForbidden):
        Destinations().require("models.example", ["93.184.216.34", METADATA])


@pytest.mark.parametrize(
    "host",
    [
        pytest.param(METADATA, id="an address"),
        pytest.param("[fe80::1]", id="IPv6"),
        pytest.param("2852039166", id="a name that resolves to an address"),
    ],
)
def test_nothing_is_fetched_from_a_link_local_address(tmp_path: Path, host: str) -> None:
    with pytest.raises(SourceForbidden, match="link-local"):
        sources.fetch(fetch_request(tmp_path, f"http://{host}/latest/meta-data/iam"))


@pytest.mark.parametrize("host", [METADATA, "2852039166"])
def test_no_redirect_leads_to_a_link_local_address(tmp_path: Path, host: str) -> None:
    def answers(handler: Handler) -> None:
        handler.answer(302, location=f"http://{host}/latest/meta-data/iam")

    with serving(answers) as site, pytest.raises(SourceForbidden, match="link-local"):
        sources.fetch(fetch_request(tmp_path, f"{site.address}/model.skops"))


def test_a_proxy_is_not_asked_for_a_link_local_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(lambda handler: handler.answer(200, b"x")) as site:
        monkeypatch.setenv("http_proxy", site.address)
        with pytest.raises(SourceForbidden, match="link-local"):
            sources.fetch(fetch_request(tmp_path, f"http://{METADATA}/model.skops"))
        assert site.requests == []


def test_a_proxy_is_used_for_other_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda handler: handler.answer(200, b"x")) as site:
        monkeypatch.setenv("http_proxy", site.address)
        sources.fetch(fetch_request(tmp_path, "http://models.example/model.skops"))
    assert fetched_files(tmp_path) == {"model.skops": b"x"}


def test_a_private_source_is_refused_before_any_request(tmp_path: Path) -> None:
    with serving(lambda handler: handler.answer(200, b"x")) as site:
        request = fetch_request(
            tmp_path, f"{site.address}/model.skops", destinations=Destinations(private=False)
        )
        with pytest.raises(SourceForbidden, match="private network"):
            sources.fetch(request)
        assert site.requests == []


@pytest.mark.parametrize("endpoint", [f"http://{METADATA}", "https://2852039166", "http://[fe80::1]:9000"])
def test_no_object_store_has_a_link_local_address(tmp_path: Path, endpoint: str) -> None:
    request = fetch_request(tmp_path, "s3://models/churn/")
    request.credentials.mkdir()
    (request.credentials / "AWS_ENDPOINT_URL").write_text(endpoint)
    with pytest.raises(SourceForbidden, match="link-local"):
        sources.fetch(request)


def test_no_artifact_comes_from_a_link_local_address(tmp_path: Path) -> None:
    with pytest.raises(SourceForbidden, match="link-local"):
        sources.fetch(fetch_request(tmp_path, f"oci://{METADATA}/models/churn:1"))


def test_no_image_is_pushed_to_a_link_local_address() -> None:
    client = RegistryClient(Transport(ssl.create_default_context(), Keyring()))
    with pytest.raises(RegistryUnavailable, match="link-local"):
        client.manifest(Reference(METADATA, "models/churn", "1"))


def test_a_name_with_several_addresses_is_tried_until_one_answers(tmp_path: Path) -> None:
    """`localhost` may be ::1 first, where nobody listens."""
    with serving(lambda handler: handler.answer(200, b"x")) as site:
        address = site.address.replace("127.0.0.1", "localhost")
        sources.fetch(fetch_request(tmp_path, f"{address}/model.skops"))
    assert fetched_files(tmp_path) == {"model.skops": b"x"}


def test_a_name_that_cannot_be_resolved_is_no_refusal() -> None:
    Destinations().require_host("nowhere.invalid")
    with pytest.raises(httpx.ConnectError):
        Destinations().guard(httpx.Client(), ssl.create_default_context()).get("http://nowhere.invalid/")
