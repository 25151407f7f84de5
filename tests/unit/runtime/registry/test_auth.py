"""Tokens that expire at any moment, servers that are vague about them, and whom a login is shown to."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_runtime.failures import RegistryUnauthorized, RegistryUnavailable
from model_runtime.registry import blobs, uploads
from model_runtime.registry.client import RegistryClient
from model_runtime.registry.credentials import Login
from model_runtime.registry.image_builder import Additions, ImageBuilder
from model_runtime.registry.layers import layer_of
from model_runtime.registry.references import Reference
from tests.unit.runtime.registry.fixtures import MakeClient, push_image
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
    return Reference.parse(f"{proxy.host}/t{abs(hash(request.node.nodeid)):x}:1")


@pytest.fixture
def elsewhere(docker_registry: str) -> Iterator[RegistryProxy]:
    """A second host that the registry may send us to."""
    with RegistryProxy(docker_registry) as made:
        yield made


def logins_shown(proxy: RegistryProxy) -> set[str]:
    return {shown for _path, shown in proxy.authorizations if shown}


def assembled(registry: RegistryClient, runtime: Reference, target: Reference, folder: Path) -> str:
    (folder / "files").mkdir()
    (folder / "files" / "weights").write_bytes(LARGE)
    layer = layer_of(folder / "files", "/opt/x", comment="ours")
    found = registry.manifest(runtime)
    assert found is not None
    return ImageBuilder(registry, runtime, target, folder).push(
        found, Additions(layers=(layer,), command=("run",))
    )


# tokens that expire


@pytest.mark.parametrize("uses", [1, 2, 3, 5])
def test_an_image_is_built_with_tokens_that_expire_after_a_few_requests(
    proxy: RegistryProxy, registry: RegistryClient, here: Reference, tmp_path: Path, uses: int
) -> None:
    runtime = Reference(here.host, f"{here.path}/runtime", tag="1")
    push_image(registry, runtime, files={"only": here.path})
    proxy.uses = uses
    digest = assembled(registry, runtime, here, tmp_path)

    assert registry.manifest(Reference(here.host, here.path, digest=digest)) is not None
    assert proxy.tokens_made > 12 // uses


@pytest.mark.parametrize(
    ("method", "after"), [("HEAD", 0), ("POST", 0), ("PATCH", 0), ("PATCH", 1), ("PATCH", 3), ("PUT", 0)]
)
def test_a_token_that_expires_during_an_upload_causes_no_duplicates(
    proxy: RegistryProxy, registry: RegistryClient, here: Reference, method: str, after: int
) -> None:
    proxy.faults.append(Fault(method, "blobs", _expired, after=after))
    registry.put_blob(here, blobs.from_bytes(LARGE))

    assert registry.has_blob(here, blobs.digest_of(LARGE))
    assert proxy.faults[0].times == 0
    assert proxy.count("PATCH") <= 5, "four chunks, and the one that was refused"
    accepted = 1 if method != "POST" else 2
    assert proxy.count("POST", "uploads") <= accepted + 1


def _expired(handler: Handler) -> None:
    handler.proxy.expire_tokens()
    handler.body()
    handler.ask()


def test_a_token_is_requested_for_the_scope_of_the_call(
    proxy: RegistryProxy, registry: RegistryClient, here: Reference
) -> None:
    proxy.hides_scope = True
    registry.put_blob(here, blobs.from_bytes(LARGE))
    registry.put_manifest(
        here, "application/vnd.oci.image.index.v1+json", {"schemaVersion": 2, "manifests": []}
    )

    assert registry.manifest(here) is not None
    assert proxy.tokens_made == 2, "one to push and one to pull"


def test_a_push_requests_one_token_for_pull_and_push(
    proxy: RegistryProxy, registry: RegistryClient, here: Reference
) -> None:
    registry.put_blob(here, blobs.from_bytes(b"x"))

    assert proxy.tokens_made == 1


def test_a_rejected_token_is_renewed_once(
    proxy: RegistryProxy, registry: RegistryClient, here: Reference
) -> None:
    proxy.faults.append(Fault("HEAD", "blobs", lambda handler: handler.ask(), times=99))

    with pytest.raises(RegistryUnauthorized, match="rejects the credentials"):
        registry.has_blob(here, blobs.digest_of(b"x"))
    assert proxy.count("HEAD") == 2


def test_a_push_with_an_anonymous_token_reports_a_missing_secret(
    proxy: RegistryProxy, here: Reference, client_of: MakeClient
) -> None:
    question = {"www_authenticate": f'Bearer realm="http://{proxy.host}/anybody",service="s"'}
    proxy.faults.append(Fault("HEAD", "blobs", responds_with(401, **question), times=99))
    proxy.faults.append(Fault("GET", "/anybody", lambda handler: handler.answer(200, {}, b'{"token": "t"}')))

    with pytest.raises(RegistryUnauthorized, match="no Secret has one"):
        client_of(proxy.host).put_blob(here, blobs.from_bytes(b"x"))


def test_a_token_request_is_repeated_after_a_transient_error(
    proxy: RegistryProxy, here: Reference, client_of: MakeClient
) -> None:
    question = {"www_authenticate": f'Bearer realm="http://{proxy.host}/made"'}
    proxy.faults.append(Fault("HEAD", "blobs", responds_with(401, **question)))
    proxy.faults.append(Fault("GET", "/made", responds_with(503)))
    proxy.faults.append(Fault("GET", "/made", lambda handler: handler.hang_up()))
    proxy.faults.append(
        Fault("GET", "/made", lambda handler: handler.answer(200, {}, b'{"access_token": "t"}'))
    )

    assert not client_of(proxy.host).has_blob(here, blobs.digest_of(b"x"))
    assert proxy.authorizations[-1] == (f"/v2/{here.path}/blobs/{blobs.digest_of(b'x')}", "Bearer t")


def test_an_identity_token_is_sent_in_a_form_and_never_in_an_address(
    proxy: RegistryProxy, here: Reference, client_of: MakeClient
) -> None:
    bodies: list[bytes] = []

    def made(handler: Handler) -> None:
        bodies.append(handler.body())
        handler.answer(200, {}, b'{"access_token": "t"}')

    proxy.faults.append(
        Fault(
            "HEAD", "blobs", responds_with(401, www_authenticate=f'Bearer realm="http://{proxy.host}/made"')
        )
    )
    proxy.faults.append(Fault("POST", "/made", made))
    registry = client_of(proxy.host, logins={proxy.host: Login("robot", "", "refresh-me")})
    registry.has_blob(here, blobs.digest_of(b"x"))

    assert b"grant_type=refresh_token" in bodies[0]
    assert b"refresh_token=refresh-me" in bodies[0]
    assert not [path for _method, path in proxy.requests if "refresh-me" in path]


# whom a login is shown to


@pytest.mark.parametrize("basic", [False, True], ids=["token", "basic"])
def test_an_upload_at_another_host_gets_no_credentials(
    proxy: RegistryProxy, elsewhere: RegistryProxy, registry: RegistryClient, here: Reference, basic: bool
) -> None:
    proxy.basic = basic

    def sent_away(handler: Handler) -> None:
        handler.body()
        handler.answer(202, {"location": f"http://{elsewhere.host}/v2/{here.path}/blobs/uploads/x"})

    registry.has_blob(here, blobs.digest_of(b""))  # the login is known
    proxy.faults.append(Fault("POST", "uploads", sent_away, times=9))
    elsewhere.faults.append(Fault("PUT", "uploads", responds_with(201)))
    registry.put_blob(here, blobs.from_bytes(b"x"))

    assert logins_shown(proxy)
    assert logins_shown(elsewhere) == set()


def test_a_blob_store_gets_no_credentials_even_when_it_asks(
    proxy: RegistryProxy, elsewhere: RegistryProxy, registry: RegistryClient, here: Reference, tmp_path: Path
) -> None:
    registry.put_blob(here, blobs.from_bytes(b"x"))
    proxy.faults.append(
        Fault("GET", "blobs", responds_with(307, location=f"http://{elsewhere.host}/stored"), times=9)
    )
    question = f'Bearer realm="http://{elsewhere.host}/made"'
    elsewhere.faults.append(Fault("GET", "/stored", responds_with(401, www_authenticate=question), times=9))

    with pytest.raises(
        RegistryUnavailable, match=f"^the blob store {elsewhere.host} of the registry {proxy.host}"
    ):
        registry.download(here, blobs.digest_of(b"x"), tmp_path / "blob")
    assert logins_shown(elsewhere) == set()
    assert elsewhere.count("GET", "/made") == 0


def test_a_blob_is_read_from_the_store_that_the_registry_redirects_to(
    proxy: RegistryProxy, elsewhere: RegistryProxy, registry: RegistryClient, here: Reference, tmp_path: Path
) -> None:
    registry.put_blob(here, blobs.from_bytes(LARGE))
    digest = blobs.digest_of(LARGE)
    there = f"http://{elsewhere.host}/v2/{here.path}/blobs/{digest}"
    proxy.faults.append(Fault("GET", "blobs", responds_with(307, location=there)))
    registry.download(here, digest, tmp_path / "blob", size=len(LARGE))

    assert (tmp_path / "blob").read_bytes() == LARGE
    assert logins_shown(elsewhere) == set()


def test_credentials_of_one_registry_are_not_sent_to_another(
    proxy: RegistryProxy, elsewhere: RegistryProxy, here: Reference, client_of: MakeClient
) -> None:
    elsewhere.login, elsewhere.basic = ("robot", "pass"), True
    registry = client_of(proxy.host, elsewhere.host, logins={proxy.host: ROBOT})

    with pytest.raises(RegistryUnauthorized, match="no Secret has one"):
        registry.manifest(Reference(elsewhere.host, here.path, tag="1"))
    assert logins_shown(elsewhere) == set()


# links between repositories


@pytest.mark.parametrize("status", [401, 403, 404, 405, 202])
def test_base_layers_that_may_not_be_mounted_are_copied(
    proxy: RegistryProxy, registry: RegistryClient, here: Reference, tmp_path: Path, status: int
) -> None:
    runtime = Reference(here.host, f"{here.path}/runtime", tag="1")
    push_image(registry, runtime, files={"only": here.path})
    proxy.faults.append(Fault("POST", "mount=", responds_with(status), times=99))
    assembled(registry, runtime, here, tmp_path)

    found = registry.manifest(here)
    assert found is not None
    assert all(registry.has_blob(here, layer["digest"]) for layer in found.body["layers"])


@pytest.mark.parametrize("status", [401, 403, 404, 405, 500, 503])
def test_an_upload_that_cannot_be_cancelled_is_left_open(
    proxy: RegistryProxy, registry: RegistryClient, here: Reference, status: int
) -> None:
    def opened(handler: Handler) -> None:
        handler.body()
        handler.answer(202, {"location": f"/v2/{here.path}/blobs/uploads/left"})

    proxy.faults.append(Fault("POST", "mount=", opened))
    proxy.faults.append(Fault("DELETE", "uploads/left", responds_with(status), times=99))
    source = Reference(here.host, "another")

    assert not registry.mount(here, blobs.digest_of(b"x"), source=source)
    assert proxy.count("DELETE") <= 2, "once, and once more with a token"
