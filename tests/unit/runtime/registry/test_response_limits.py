"""Endless, malformed and missing responses of a registry: a failure with a reason, and bounded reading."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path

import pytest

from model_runtime.failures import RegistryFailure, RegistryUnauthorized, RegistryUnavailable
from model_runtime.registry import blobs, responses
from model_runtime.registry.client import OCI_MANIFEST, RegistryClient
from model_runtime.registry.credentials import Keyring, Login
from model_runtime.registry.references import Reference
from model_runtime.registry.transport import Transport
from model_runtime.retry import RetryPolicy
from tests.unit.runtime.registry.fixtures import MakeClient
from tests.unit.runtime.registry.proxy import (
    Fault,
    Handler,
    RegistryProxy,
    endless_response,
    responds_content,
    responds_with,
)

ROOM = 32 << 20
"""Bytes that may lie in the buffers of sockets beside what was read."""

DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def registry(proxy: RegistryProxy, client_of: MakeClient) -> RegistryClient:
    return client_of(proxy.host)


@pytest.fixture
def here(proxy: RegistryProxy) -> Reference:
    return Reference.parse(f"{proxy.host}/flooded:1")


# bodies without end


def test_an_endless_manifest_is_not_read_to_its_end(
    proxy: RegistryProxy, registry: RegistryClient, here: Reference
) -> None:
    proxy.faults.append(Fault("GET", "manifests", endless_response(200, content_type=OCI_MANIFEST), times=9))

    with pytest.raises(RegistryUnavailable, match="larger than 4096 KiB"):
        registry.manifest(here)
    assert proxy.flooded < ROOM


def test_an_endless_config_is_not_read_to_its_end(
    proxy: RegistryProxy, registry: RegistryClient, here: Reference
) -> None:
    proxy.faults.append(Fault("GET", "blobs", endless_response(200), times=9))

    with pytest.raises(RegistryUnavailable, match="larger than 4096 KiB"):
        registry.json_blob(here, DIGEST)
    assert proxy.flooded < ROOM


@pytest.mark.parametrize("status", [400, 403, 404, 500])
@pytest.mark.parametrize(("method", "path"), [("POST", "uploads"), ("PUT", "uploads")])
def test_an_endless_error_body_is_quoted_from_its_beginning(
    proxy: RegistryProxy, registry: RegistryClient, here: Reference, status: int, method: str, path: str
) -> None:
    proxy.faults.append(Fault(method, path, endless_response(status), times=9))

    with pytest.raises(RegistryFailure) as failure:
        registry.put_blob(here, blobs.from_bytes(b"x"))
    assert len(failure.value.message) < 1000
    assert proxy.flooded < 4 * ROOM, "at most four attempts"


def test_an_endless_token_is_not_read_to_its_end(
    proxy: RegistryProxy, here: Reference, client_of: MakeClient
) -> None:
    question = {"www_authenticate": f'Bearer realm="http://{proxy.host}/made",service="s"'}
    proxy.faults.append(Fault("GET", "/v2/", responds_with(401, **question), times=9))
    proxy.faults.append(Fault("GET", "/made", endless_response(200), times=9))

    with pytest.raises(RegistryUnavailable, match="no token"):
        client_of(proxy.host).manifest(here)
    assert proxy.flooded < ROOM


def test_a_blob_longer_than_its_size_is_not_written_to_its_end(
    proxy: RegistryProxy, registry: RegistryClient, here: Reference, tmp_path: Path
) -> None:
    proxy.faults.append(Fault("GET", "blobs", endless_response(200), times=9))

    with pytest.raises(RegistryUnavailable, match=r"more than the 1000 bytes of"):
        registry.download(here, DIGEST, tmp_path / "blob", size=1000)
    assert (tmp_path / "blob").stat().st_size <= 1000
    assert proxy.flooded < ROOM


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101])
def test_a_response_is_read_up_to_the_limit(proxy: RegistryProxy, size: int) -> None:
    import httpx

    proxy.faults.append(Fault("GET", "/plain", responds_content(200, b"x" * 100)))
    with httpx.stream("GET", f"http://{proxy.host}/plain") as response:
        answer = responses.read(response, limit=size)

    assert (len(answer.content), answer.complete) == (min(size, 100), size >= 100)


# a registry that says nothing


def test_a_registry_that_never_responds_is_unavailable(proxy: RegistryProxy, here: Reference) -> None:
    over = threading.Event()
    proxy.faults.append(Fault("GET", "manifests", lambda handler: _never(handler, over), times=9))
    retry = RetryPolicy(attempts=2, first_pause=0.001, longest_pause=0.002)
    transport = Transport(
        ssl.create_default_context(),
        Keyring(),
        plain_http=frozenset({proxy.host}),
        retry=retry,
        read_timeout=0.1,
    )
    try:
        with pytest.raises(RegistryUnavailable, match="cannot be reached"):
            RegistryClient(transport).manifest(here)
    finally:
        over.set()
        transport.close()
    assert proxy.count("GET", "manifests") == 2


def _never(handler: Handler, over: threading.Event) -> None:
    over.wait(30)
    handler.close_connection = True


# addresses that lead nowhere


def test_a_redirect_loop_means_an_unavailable_registry(
    proxy: RegistryProxy, registry: RegistryClient, here: Reference
) -> None:
    proxy.faults.append(
        Fault("GET", "manifests", responds_with(307, location=f"/v2/{here.path}/manifests/1"), times=999)
    )

    with pytest.raises(RegistryUnavailable, match="cannot be reached"):
        registry.manifest(here)


@pytest.mark.parametrize("location", ["http://[::x/", "http://h:port/", "ftp://h/x"])
def test_an_upload_with_an_invalid_location_means_an_unavailable_registry(
    proxy: RegistryProxy, registry: RegistryClient, here: Reference, location: str
) -> None:
    proxy.faults.append(Fault("POST", "uploads", responds_with(202, location=location), times=9))

    with pytest.raises(RegistryUnavailable):
        registry.put_blob(here, blobs.from_bytes(b"x"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no",
        b"[]",
        b"{}",
        b'{"token": ""}',
        b'{"token": 7}',
        b'{"token": {"a": 1}}',
        b'{"token": "a\\nb"}',
        '{"token": "ä"}'.encode(),
        b'{"token": "a b"}',
        b"[" * 99_999,
    ],
)
def test_a_token_that_no_header_can_carry_is_rejected_without_quoting_it(
    proxy: RegistryProxy, here: Reference, client_of: MakeClient, content: bytes
) -> None:
    question = {"www_authenticate": f'Bearer realm="http://{proxy.host}/made"'}
    proxy.faults.append(Fault("GET", "/v2/", responds_with(401, **question), times=9))
    proxy.faults.append(Fault("GET", "/made", responds_content(200, content)))

    with pytest.raises(RegistryUnavailable, match=r"no token\.$") as failure:
        client_of(proxy.host).manifest(here)
    assert "ä" not in failure.value.message


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("", "no supported way to log in"),
        ("Negotiate", "no supported way to log in"),
        ("Bearer", "names no token server"),
        ('Bearer realm=""', "names no token server"),
        ('Basic realm="x"', "no Secret has one"),
    ],
)
def test_an_unsupported_challenge_is_reported(
    proxy: RegistryProxy, here: Reference, client_of: MakeClient, question: str, said: str
) -> None:
    proxy.faults.append(Fault("GET", "/v2/", responds_with(401, www_authenticate=question), times=9))

    with pytest.raises(RegistryUnauthorized, match=said):
        client_of(proxy.host).manifest(here)


def test_a_password_is_not_sent_to_a_token_server_without_tls(
    proxy: RegistryProxy, here: Reference, client_of: MakeClient
) -> None:
    tls = Reference("r.invalid", here.path)
    registry = client_of(logins={"r.invalid": Login("robot", "hidden")})
    authenticator = registry.transport._authenticator

    with pytest.raises(RegistryUnauthorized, match="without TLS; it was not sent") as failure:
        authenticator.authorization(f'Bearer realm="http://{proxy.host}/made"', tls)
    assert proxy.requests == []
    assert "hidden" not in failure.value.message
