"""Registries that redirect to a store or another address, and the Secret that a rejected login names."""

from __future__ import annotations

import random
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from model_runtime.failures import RegistryUnauthorized, RegistryUnavailable
from model_runtime.registry import blobs, uploads
from model_runtime.registry.client import RegistryClient
from model_runtime.registry.credentials import Keyring, Login
from model_runtime.registry.references import Reference
from model_runtime.registry.transport import Transport
from tests.unit.runtime.registry.fixtures import MakeClient
from tests.unit.runtime.registry.proxy import Fault, Handler, RegistryProxy, responds_with

LARGE = random.Random(2).randbytes(200_000)
ROBOT = Login("robot", "pass")


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "CHUNK_SIZE", 64_000)


@pytest.fixture
def registry(proxy: RegistryProxy, client_of: MakeClient) -> RegistryClient:
    """It wants tokens, and we have a login."""
    proxy.login = ("robot", "pass")
    return client_of(proxy.host, logins={proxy.host: ROBOT})


@pytest.fixture
def here(proxy: RegistryProxy, request: pytest.FixtureRequest) -> Reference:
    return Reference.parse(f"{proxy.host}/s{abs(hash(request.node.nodeid)):x}:1")


@pytest.fixture
def elsewhere(docker_registry: str) -> Iterator[RegistryProxy]:
    """A second host that the registry may send us to."""
    with RegistryProxy(docker_registry) as made:
        yield made


@pytest.mark.parametrize("status", [401, 403, 429, 503])
@pytest.mark.parametrize("login", [{}, {"logins": True}], ids=["without a login", "with one"])
def test_an_error_of_the_blob_store_is_not_reported_as_a_login_error(
    proxy: RegistryProxy,
    elsewhere: RegistryProxy,
    here: Reference,
    client_of: MakeClient,
    status: int,
    login: dict[str, bool],
) -> None:
    proxy.faults.append(
        Fault("GET", "blobs", responds_with(307, location=f"http://{elsewhere.host}/stored"), times=9)
    )
    elsewhere.faults.append(Fault("GET", "/stored", responds_with(status), times=9))
    registry = client_of(proxy.host, logins={proxy.host: ROBOT} if login else {})

    with pytest.raises(
        RegistryUnavailable, match=f"^the blob store {elsewhere.host} .* responds with {status} "
    ) as failure:
        registry.json_blob(here, blobs.digest_of(b"x"))
    assert "Secret" not in failure.value.message


# uploads that are sent on


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
def test_an_upload_follows_redirects_within_its_registry(
    proxy: RegistryProxy, registry: RegistryClient, here: Reference, tmp_path: Path, method: str, status: int
) -> None:
    def sent_on(handler: Handler) -> None:
        handler.body()
        mark = "&" if "?" in handler.path else "?"
        handler.answer(status, {"location": f"{handler.path}{mark}again=1"})

    proxy.faults.append(Fault(method, "uploads", sent_on))
    registry.put_blob(here, blobs.from_bytes(LARGE))

    assert proxy.faults[0].times == 0
    registry.download(here, blobs.digest_of(LARGE), tmp_path / "blob")
    assert (tmp_path / "blob").read_bytes() == LARGE


@pytest.mark.parametrize("where", ["http://{elsewhere}/v2/x", "/v2/on-and-on"])
def test_an_upload_follows_no_redirect_to_another_host_and_no_loop(
    proxy: RegistryProxy, elsewhere: RegistryProxy, registry: RegistryClient, here: Reference, where: str
) -> None:
    location = where.format(elsewhere=elsewhere.host)
    proxy.faults.append(Fault("POST", "uploads|on-and-on", responds_with(307, location=location), times=99))

    with pytest.raises(RegistryUnavailable, match="name the registry by its own address"):
        registry.put_blob(here, blobs.from_bytes(b"x"))
    assert elsewhere.requests == []
    assert proxy.count("POST") < 10


# which Secret it was


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("push", r"check the Secret in spec\.build\.registry\.pushSecretName, and .* pull and push there"),
        (
            "pull",
            r"check the Secret in spec\.build\.registry\.pullSecretName, .* name another Secret in spec\.build",
        ),
    ],
)
@pytest.mark.parametrize("basic", [False, True], ids=["token", "basic"])
def test_a_rejected_login_is_reported_with_the_field_of_its_secret(
    proxy: RegistryProxy, here: Reference, tmp_path: Path, folder: str, said: str, basic: bool
) -> None:
    proxy.login, proxy.basic = ("robot", "pass"), basic
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "username").write_text("robot")
    (tmp_path / folder / "password").write_text("old")
    keyring = Keyring.from_folders([tmp_path / "push", tmp_path / "pull"], host=proxy.host)
    transport = Transport(ssl.create_default_context(), keyring, plain_http=frozenset({proxy.host}))

    with closing(transport), pytest.raises(RegistryUnauthorized, match=said):
        RegistryClient(transport).has_blob(here, blobs.digest_of(b"x"))
