"""Blobs and manifests in a real registry, behind a proxy that asks for tokens and fails on demand."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from model_runtime.failures import RegistryUnauthorized, RegistryUnavailable
from model_runtime.registry import blobs, image_builder, uploads
from model_runtime.registry.client import OCI_MANIFEST, RegistryClient
from model_runtime.registry.credentials import Login
from model_runtime.registry.image_builder import Additions, ImageBuilder
from model_runtime.registry.layers import layer_of
from model_runtime.registry.references import Reference
from model_runtime.retry import RetryPolicy
from tests.unit.runtime.registry.fixtures import MakeClient, free_port, push_image
from tests.unit.runtime.registry.proxy import (
    Fault,
    RegistryProxy,
    closes_connection,
    loses_response,
    responds_with,
    truncates_response,
)

LARGE = random.Random(1).randbytes(200_000)
CHUNK = 64_000


@pytest.fixture
def registry(proxy: RegistryProxy, client_of: MakeClient) -> RegistryClient:
    return client_of(proxy.host)


@pytest.fixture
def here(proxy: RegistryProxy, request: pytest.FixtureRequest) -> Reference:
    """A repository of the test's own."""
    return Reference.parse(f"{proxy.host}/r{abs(hash(request.node.nodeid)):x}")


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "CHUNK_SIZE", CHUNK)


def stored(registry: RegistryClient, here: Reference, digest: str, tmp_path: Path) -> bytes:
    registry.download(here, digest, tmp_path / "blob")
    return (tmp_path / "blob").read_bytes()


@pytest.mark.parametrize(
    "content", [b"", b"small", LARGE, LARGE[: 2 * CHUNK]], ids=["empty", "small", "large", "even"]
)
def test_a_blob_round_trips(
    registry: RegistryClient, here: Reference, content: bytes, tmp_path: Path
) -> None:
    blob = blobs.from_bytes(content)

    assert registry.put_blob(here, blob)
    assert stored(registry, here, blob.digest, tmp_path) == content


def test_an_existing_blob_is_not_uploaded_again(
    registry: RegistryClient, here: Reference, proxy: RegistryProxy
) -> None:
    registry.put_blob(here, blobs.from_bytes(b"x"))
    before = proxy.count("POST")

    assert not registry.put_blob(here, blobs.from_bytes(b"x"))
    assert proxy.count("POST") == before


def test_small_blobs_are_sent_whole_and_large_ones_in_chunks(
    registry: RegistryClient, here: Reference, proxy: RegistryProxy
) -> None:
    registry.put_blob(here, blobs.from_bytes(b"tiny"))
    assert proxy.count("PATCH") == 0
    registry.put_blob(here, blobs.from_bytes(LARGE))
    assert proxy.count("PATCH") == 4


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault("POST", "uploads", responds_with(503), times=2), id="the registry is busy"),
        pytest.param(
            Fault("POST", "uploads", responds_with(429, retry_after="0")), id="the registry asks to wait"
        ),
        pytest.param(Fault("PATCH", "uploads", responds_with(500), after=1), id="a chunk fails"),
        pytest.param(
            Fault("PATCH", "uploads", closes_connection, after=1), id="the connection breaks within a chunk"
        ),
        pytest.param(Fault("PATCH", "uploads", loses_response, after=1), id="the answer to a chunk is lost"),
        pytest.param(Fault("PATCH", "uploads", responds_with(404), after=2), id="the upload is forgotten"),
        pytest.param(Fault("PUT", "uploads", closes_connection), id="the connection breaks at the end"),
        pytest.param(Fault("PUT", "uploads", responds_with(502)), id="a gateway fails at the end"),
        pytest.param(
            Fault("HEAD", "blobs", closes_connection, times=2), id="the question whether it is there fails"
        ),
    ],
)
def test_an_upload_survives(
    registry: RegistryClient, here: Reference, proxy: RegistryProxy, fault: Fault, tmp_path: Path
) -> None:
    proxy.faults.append(fault)
    registry.put_blob(here, blobs.from_bytes(LARGE))

    assert fault.times == 0, "the fault has struck"
    assert stored(registry, here, blobs.digest_of(LARGE), tmp_path) == LARGE


def test_an_interrupted_chunk_is_resumed(
    registry: RegistryClient, here: Reference, proxy: RegistryProxy
) -> None:
    proxy.faults.append(Fault("PATCH", "uploads", closes_connection, after=1))
    registry.put_blob(here, blobs.from_bytes(LARGE))

    assert proxy.count("POST", "uploads") == 1
    assert proxy.count("PATCH") == 5, "four chunks, one of them twice"


@pytest.mark.parametrize("status", [405, 415, 416, 501])
def test_a_registry_without_chunks_gets_the_blob_whole(
    registry: RegistryClient, here: Reference, proxy: RegistryProxy, status: int, tmp_path: Path
) -> None:
    proxy.faults.append(Fault("PATCH", "uploads", responds_with(status), times=99))
    registry.put_blob(here, blobs.from_bytes(LARGE))

    assert proxy.count("PATCH") == 1
    assert stored(registry, here, blobs.digest_of(LARGE), tmp_path) == LARGE


def test_a_download_resumes_where_it_was_interrupted(
    registry: RegistryClient, here: Reference, proxy: RegistryProxy, tmp_path: Path
) -> None:
    registry.put_blob(here, blobs.from_bytes(LARGE))
    proxy.faults.append(Fault("GET", "blobs", truncates_response))

    assert stored(registry, here, blobs.digest_of(LARGE), tmp_path) == LARGE


def test_a_registry_that_keeps_failing_is_unavailable(
    registry: RegistryClient, here: Reference, proxy: RegistryProxy
) -> None:
    proxy.faults.append(Fault("HEAD", "", responds_with(503), times=99))

    with pytest.raises(RegistryUnavailable, match="responds with 503"):
        registry.put_blob(here, blobs.from_bytes(b"x"))
    assert proxy.count("HEAD") == 4


def test_a_retry_after_that_is_too_long_is_not_waited_for(
    proxy: RegistryProxy, here: Reference, client_of: MakeClient
) -> None:
    slept: list[float] = []
    registry = client_of(proxy.host, retry=RetryPolicy(sleep=slept.append))
    proxy.faults.append(Fault("HEAD", "", responds_with(429, retry_after="3600"), times=99))

    with pytest.raises(RegistryUnavailable, match="429") as failure:
        registry.put_blob(here, blobs.from_bytes(b"x"))
    assert slept == []
    assert "rate limit is reached for 3600 s more; name a Secret with a login" in failure.value.message
    assert "use a mirror" in failure.value.message


def test_an_unreachable_registry_is_unavailable(client_of: MakeClient) -> None:
    nowhere = Reference.parse(f"127.0.0.1:{free_port()}/a")

    with pytest.raises(RegistryUnavailable, match="cannot be reached"):
        client_of(nowhere.host).manifest(nowhere)


def test_a_registry_without_tls_is_reported(docker_registry: str, client_of: MakeClient) -> None:
    with pytest.raises(RegistryUnavailable, match="without TLS"):
        client_of().manifest(Reference.parse(f"{docker_registry}/a"))


def test_a_missing_image_is_none(registry: RegistryClient, here: Reference) -> None:
    assert registry.manifest(here) is None


# logins


@pytest.mark.parametrize("basic", [False, True], ids=["token", "basic"])
def test_a_login_pushes_and_pulls(
    proxy: RegistryProxy, here: Reference, client_of: MakeClient, basic: bool
) -> None:
    proxy.login, proxy.basic = ("robot", "pass"), basic
    registry = client_of(proxy.host, logins={proxy.host: Login("robot", "pass")})
    here = Reference(here.host, here.path, tag="1")
    push_image(registry, here)

    assert registry.manifest(here) is not None


def test_one_token_is_used_for_all_calls_of_a_scope(
    proxy: RegistryProxy, here: Reference, client_of: MakeClient
) -> None:
    proxy.login = ("robot", "pass")
    registry = client_of(proxy.host, logins={proxy.host: Login("robot", "pass")})
    for content in (b"1", b"2", b"3"):
        registry.put_blob(here, blobs.from_bytes(content))

    assert proxy.tokens_made <= 2


def test_an_expired_token_is_renewed(proxy: RegistryProxy, here: Reference, client_of: MakeClient) -> None:
    proxy.login = ("robot", "pass")
    registry = client_of(proxy.host, logins={proxy.host: Login("robot", "pass")})
    registry.put_blob(here, blobs.from_bytes(b"1"))
    proxy.expire_tokens()

    assert registry.put_blob(here, blobs.from_bytes(b"2"))


@pytest.mark.parametrize("basic", [False, True], ids=["token", "basic"])
@pytest.mark.parametrize(
    ("login", "said"),
    [
        pytest.param(None, "no Secret has one", id="no login"),
        pytest.param(Login("robot", "wrong"), "rejects the credentials", id="a wrong one"),
    ],
)
def test_a_rejected_login_names_the_secret_to_correct(
    proxy: RegistryProxy, here: Reference, client_of: MakeClient, login: Login | None, said: str, basic: bool
) -> None:
    proxy.login, proxy.basic = ("robot", "pass"), basic
    registry = client_of(proxy.host, logins={proxy.host: login} if login else {})

    with pytest.raises(RegistryUnauthorized, match=said) as failure:
        registry.put_blob(here, blobs.from_bytes(b"x"))
    assert here.repository in failure.value.message
    assert "wrong" not in failure.value.message


# images


def assembled(registry: RegistryClient, runtime: Reference, target: Reference, tmp_path: Path) -> str:
    (tmp_path / "files").mkdir(exist_ok=True)
    (tmp_path / "files" / "a").write_text("a")
    layer = layer_of(tmp_path / "files", "/opt/x", comment="ours")
    found = registry.manifest(runtime)
    assert found is not None
    additions = Additions(layers=(layer,), command=("run",), environment={"PATH": "/x"}, labels={"l": "v"})
    return ImageBuilder(registry, runtime, target, tmp_path).push(found, additions)


def test_base_layers_are_mounted_not_uploaded(
    registry: RegistryClient, here: Reference, proxy: RegistryProxy, tmp_path: Path
) -> None:
    runtime = Reference(here.host, f"{here.path}/runtime", tag="1")
    push_image(registry, runtime, files={"only": here.path})
    proxy.requests.clear()
    assembled(registry, runtime, Reference(here.host, here.path, tag="1"), tmp_path)

    assert proxy.count("POST", "mount=") == 1
    assert proxy.count("GET", "blobs/") == 1, "the config alone"


def test_base_layers_that_cannot_be_mounted_are_copied(
    registry: RegistryClient, here: Reference, proxy: RegistryProxy, tmp_path: Path
) -> None:
    runtime = Reference(here.host, f"{here.path}/runtime", tag="1")
    push_image(registry, runtime, files={"only": here.path})
    proxy.faults.append(Fault("POST", "mount=", responds_with(202), times=9))
    target = Reference(here.host, here.path, tag="1")
    assembled(registry, runtime, target, tmp_path)

    found = registry.manifest(target)
    assert found is not None
    assert all(registry.has_blob(target, layer["digest"]) for layer in found.body["layers"])


def test_a_mount_needs_a_token_for_both_repositories(
    proxy: RegistryProxy, here: Reference, client_of: MakeClient, tmp_path: Path
) -> None:
    proxy.login = ("robot", "pass")
    registry = client_of(proxy.host, logins={proxy.host: Login("robot", "pass")})
    runtime = Reference(here.host, f"{here.path}/runtime", tag="1")
    push_image(registry, runtime, files={"only": here.path})
    proxy.requests.clear()
    assembled(registry, runtime, Reference(here.host, here.path, tag="1"), tmp_path)

    assert proxy.count("PATCH") == 0
    assert proxy.count("GET", "blobs/sha") <= 2, "the config alone, perhaps asked for twice"


def test_a_runtime_in_another_registry_is_copied(
    proxy: RegistryProxy, docker_registry: str, here: Reference, client_of: MakeClient, tmp_path: Path
) -> None:
    registry = client_of(proxy.host, docker_registry)
    runtime = Reference.parse(f"{docker_registry}/{here.path}/elsewhere:1")
    push_image(registry, runtime, files={"only": here.path})
    target = Reference(here.host, here.path, tag="1")
    digest = assembled(registry, runtime, target, tmp_path)

    found = registry.manifest(Reference(here.host, here.path, digest=digest))
    assert found is not None
    assert found.media_type == OCI_MANIFEST
    assert image_builder.labels_of(registry, target, found) == {"base": "yes", "l": "v"}
    assert not list(tmp_path.glob("sha256*")), "nothing is left of what was carried"
