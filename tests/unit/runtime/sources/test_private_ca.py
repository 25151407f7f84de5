"""Servers with certificates of a private CA."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from model_runtime import sources
from model_runtime.failures import RegistryUnavailable, SourceUnavailable
from model_runtime.registry import tls
from model_runtime.registry.client import RegistryClient
from model_runtime.registry.credentials import Keyring
from model_runtime.registry.references import Reference
from model_runtime.registry.transport import Transport
from model_runtime.retry import RetryPolicy
from tests.unit.runtime.sources.servers import Handler, bucket, fetch_request, fetched_files, serving


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `ca.crt`, and a certificate for 127.0.0.1 that it signed."""
    if shutil.which("openssl") is None:
        pytest.skip("LOUD: openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
    make = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ours -keyout ca.key -out ca.crt"
    ask = "req -newkey rsa:2048 -nodes -subj /CN=server -keyout server.key -out server.csr"
    sign = "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.crt"
    for command in (make, ask, sign):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate / "server.crt", certificate / "server.key")
    return made


@pytest.fixture
def trusted(certificate: Path, tmp_path: Path) -> Path:
    """The test's folder, with the authority mounted."""
    (tmp_path / "ca").mkdir()
    shutil.copy(certificate / "ca.crt", tmp_path / "ca" / "bundle")
    return tmp_path


def small(handler: Handler) -> None:
    handler.answer(200, b"model")


def test_a_web_server_is_trusted_through_the_mounted_ca(server_tls: ssl.SSLContext, trusted: Path) -> None:
    with serving(small, server_tls) as site:
        sources.fetch(fetch_request(trusted, f"{site.address}/m"))

    assert fetched_files(trusted) == {"m": b"model"}


def test_a_web_server_is_not_trusted_without_the_ca(server_tls: ssl.SSLContext, tmp_path: Path) -> None:
    with (
        serving(small, server_tls) as site,
        pytest.raises(SourceUnavailable, match="certificate is not trusted"),
    ):
        sources.fetch(fetch_request(tmp_path, f"{site.address}/m"))


def test_a_store_is_trusted_through_the_mounted_ca(
    server_tls: ssl.SSLContext, trusted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "")
    monkeypatch.delenv("SSL_CERT_FILE")
    with serving(bucket({"m": b"model"}), server_tls) as site:
        (trusted / "credentials").mkdir()
        (trusted / "credentials" / "endpoint").write_text(site.address)
        sources.fetch(fetch_request(trusted, "s3://models/m"))

    assert fetched_files(trusted) == {"m": b"model"}


def registry(ca: Path) -> RegistryClient:
    retry = RetryPolicy(attempts=2, first_pause=0.001, longest_pause=0.002)
    return RegistryClient(Transport(tls.ssl_context(ca), Keyring(), retry=retry))


def test_a_registry_is_trusted_through_the_mounted_ca_only(server_tls: ssl.SSLContext, trusted: Path) -> None:
    with serving(lambda handler: handler.answer(404), server_tls) as site:
        reference = Reference.parse(f"{site.address.removeprefix('https://')}/a")
        for folder in (trusted / "ca", trusted / "absent"):
            client = registry(folder)
            if folder.exists():
                assert client.manifest(reference) is None
            else:
                with pytest.raises(RegistryUnavailable, match="caConfigMapName"):
                    client.manifest(reference)
            client.transport.close()


def test_an_invalid_ca_is_reported(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")

    with pytest.raises(ValueError, match="CA bundle cannot be read"):
        tls.ssl_context(tmp_path)
