"""Uploads and downloads that break at any place: nothing is lost, nothing is sent without need."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_runtime.failures import RegistryUnavailable
from model_runtime.registry import blobs, uploads
from model_runtime.registry.client import RegistryClient
from model_runtime.registry.references import Reference
from tests.unit.runtime.registry.fixtures import MakeClient
from tests.unit.runtime.registry.proxy import (
    Fault,
    Handler,
    RegistryProxy,
    loses_response,
    responds_content,
    responds_with,
)

CONTENT = random.Random(5).randbytes(200_000)
DIGEST = blobs.digest_of(CONTENT)


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "CHUNK_SIZE", 64_000)


@pytest.fixture
def registry(proxy: RegistryProxy, client_of: MakeClient) -> RegistryClient:
    return client_of(proxy.host)


@pytest.fixture
def here(proxy: RegistryProxy, request: pytest.FixtureRequest) -> Reference:
    return Reference.parse(f"{proxy.host}/b{abs(hash(request.node.nodeid)):x}:1")


# uploads


@pytest.mark.parametrize("content", [b"small", CONTENT], ids=["whole", "in chunks"])
def test_a_blob_is_not_sent_again_when_only_the_last_response_was_lost(
    proxy: RegistryProxy, registry: RegistryClient, here: Reference, content: bytes
) -> None:
    proxy.faults.append(Fault("PUT", "uploads", loses_response))
    registry.put_blob(here, blobs.from_bytes(content))

    assert registry.has_blob(here, blobs.digest_of(content))
    assert (proxy.count("POST", "uploads"), proxy.count("PUT", "uploads")) == (1, 1)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"range": "0-999999999"}, id="more than there is"),
        pytest.param({"range": "5-10"}, id="a hole"),
        pytest.param({"range": "0-x"}, id="no number"),
        pytest.param({"range": "0-" + "9" * 5000}, id="a number without end"),
        pytest.param({"range": "0-\xb2"}, id="a digit that is no number"),
        pytest.param({"range": ""}, id="nothing"),
        pytest.param({}, id="no range"),
    ],
)
def test_an_upload_starts_again_when_its_offset_is_unknown(
    proxy: RegistryProxy, registry: RegistryClient, here: Reference, said: dict[str, str]
) -> None:
    proxy.faults.append(Fault("PATCH", "uploads", responds_with(500), after=2))
    proxy.faults.append(Fault("GET", "uploads", responds_with(204, **said)))
    registry.put_blob(here, blobs.from_bytes(CONTENT))

    assert registry.has_blob(here, DIGEST)
    assert proxy.faults[1].times == 0, "it was asked"


def test_an_upload_ends_after_the_last_attempt(
    proxy: RegistryProxy, registry: RegistryClient, here: Reference
) -> None:
    proxy.faults.append(Fault("PATCH", "uploads", responds_with(500), times=999))

    with pytest.raises(RegistryUnavailable, match="responds with 500"):
        registry.put_blob(here, blobs.from_bytes(CONTENT))
    assert proxy.count("PATCH") == 4, "once for each attempt"


def test_a_failed_upload_quotes_the_registry(
    proxy: RegistryProxy, registry: RegistryClient, here: Reference
) -> None:
    proxy.faults.append(
        Fault("PUT", "uploads", responds_content(507, b'{"errors":[{"code":"NO SPACE"}]}'), times=9)
    )

    with pytest.raises(RegistryUnavailable, match=r"status 507.*NO SPACE"):
        registry.put_blob(here, blobs.from_bytes(b"x"))
    assert proxy.count("PUT") == 1, "what does not heal by itself is not tried again"


@pytest.mark.parametrize(
    ("location", "goes_on"),
    [
        ("http://r.io/v2/a/blobs/uploads/x?s=1", "https://r.io/v2/a/blobs/uploads/x?s=1"),
        ("http://r.io:80/x", "https://r.io/x"),
        ("/v2/a/blobs/uploads/x", "https://r.io/v2/a/blobs/uploads/x"),
        ("x", "https://r.io/v2/a/blobs/x"),
        ("https://store.io/x", "https://store.io/x"),
        ("http://store.io/x", "http://store.io/x"),
        ("http://r.io:8080/x", "http://r.io:8080/x"),
    ],
)
def test_an_upload_continues_at_its_location_and_keeps_tls(
    client_of: MakeClient, location: str, goes_on: str
) -> None:
    import httpx

    from model_runtime.registry.responses import Response

    answer = Response(202, httpx.Headers({"location": location}), b"", complete=True)
    moved = client_of().transport.upload_location(
        answer, "https://r.io/v2/a/blobs/uploads", Reference("r.io", "a")
    )

    assert moved == goes_on


# downloads


def ends_early(handler: Handler) -> None:
    """The connection breaks when all but the last byte has come."""
    handler.send_response(200)
    handler.send_header("content-length", str(len(CONTENT)))
    handler.end_headers()
    handler.wfile.write(CONTENT[:-1])
    handler.hang_up()


@pytest.mark.parametrize(
    "then",
    [
        pytest.param([], id="goes on"),
        pytest.param([responds_with(503)], id="is busy"),
        pytest.param([responds_with(429, retry_after="0")], id="asks to wait"),
        pytest.param([responds_with(416)], id="finds the rest strange"),
        pytest.param([responds_content(206, b"xxx", content_range="bytes 0-2/3")], id="sends another part"),
        pytest.param([responds_content(206, b"xxx")], id="does not say which part it sends"),
        pytest.param([responds_content(200, CONTENT)], id="begins anew"),
        pytest.param([ends_early, responds_with(500)], id="breaks again"),
    ],
)
def test_a_download_completes_when_the_registry(
    proxy: RegistryProxy,
    registry: RegistryClient,
    here: Reference,
    tmp_path: Path,
    then: list[Callable[[Handler], None]],
) -> None:
    registry.put_blob(here, blobs.from_bytes(CONTENT))
    for act in (ends_early, *then):
        proxy.faults.append(Fault("GET", "blobs", act))
    registry.download(here, DIGEST, tmp_path / "blob", size=len(CONTENT))

    assert (tmp_path / "blob").read_bytes() == CONTENT
    assert not any(fault.times for fault in proxy.faults)


@pytest.mark.parametrize(
    ("status", "said"), [(404, "status 404"), (418, "status 418"), (500, "responds with 500")]
)
def test_a_download_that_fails_permanently_is_reported(
    proxy: RegistryProxy, registry: RegistryClient, here: Reference, tmp_path: Path, status: int, said: str
) -> None:
    proxy.faults.append(Fault("GET", "blobs", responds_with(status), times=99))

    with pytest.raises(RegistryUnavailable, match=said):
        registry.download(here, DIGEST, tmp_path / "blob")
    assert proxy.count("GET") == (4 if status == 500 else 1)


def test_a_damaged_blob_is_reported_and_deleted(
    proxy: RegistryProxy, registry: RegistryClient, here: Reference, tmp_path: Path
) -> None:
    proxy.faults.append(Fault("GET", "blobs", responds_content(200, b"other"), times=9))

    with pytest.raises(RegistryUnavailable, match="damaged"):
        registry.download(here, DIGEST, tmp_path / "blob")
    assert not (tmp_path / "blob").exists()


def test_a_download_replaces_an_existing_file(
    registry: RegistryClient, here: Reference, tmp_path: Path
) -> None:
    registry.put_blob(here, blobs.from_bytes(CONTENT))
    (tmp_path / "blob").write_bytes(b"from before")
    registry.download(here, DIGEST, tmp_path / "blob")

    assert (tmp_path / "blob").read_bytes() == CONTENT


# blobs


@given(
    content=st.binary(max_size=300),
    offset=st.integers(0, 320),
    length=st.integers(1, 320),
    piece=st.integers(1, 64),
)
def test_chunks_of_a_blob_are_its_content(content: bytes, offset: int, length: int, piece: int) -> None:
    def read(start: int) -> list[bytes]:
        return [content[at : min(at + piece, len(content))] for at in range(start, len(content), piece)]

    blob = blobs.Blob(blobs.digest_of(content), len(content), lambda start: iter(read(start)))

    assert b"".join(blob.chunks(offset, length)) == content[offset : offset + length]


@given(content=st.binary(max_size=100))
def test_a_digest_equals_that_of_common_tools(content: bytes) -> None:
    assert blobs.digest_of(content) == "sha256:" + hashlib.sha256(content).hexdigest()
    assert blobs.has_digest(content, blobs.digest_of(content))
