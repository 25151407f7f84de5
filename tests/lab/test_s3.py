"""The small client signs as the store wants it, and says what the store says."""

import contextlib
import datetime
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from tests.cluster.errors import LabError
from tests.cluster.s3 import S3

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
STORE = S3("http://127.0.0.1:7070")


@dataclass
class Shop:
    """A store that answers with `status` and `body`, and remembers what it was asked."""

    status: int = 200
    body: bytes = b""
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    address: str = ""


@contextlib.contextmanager
def shop(status: int = 200, body: bytes = b"") -> Iterator[Shop]:
    made = Shop(status, body)

    class Handler(http.server.BaseHTTPRequestHandler):
        def _any(self) -> None:
            data = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {key.lower(): value for key, value in self.headers.items()}
            made.seen.append((self.command, self.path, headers, data))
            self.send_response(made.status)
            self.send_header("content-length", str(len(made.body)))
            self.end_headers()
            self.wfile.write(made.body)

        do_GET = do_PUT = do_DELETE = _any  # noqa: N815 - http.server finds them by name

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        made.address = f"http://127.0.0.1:{server.server_address[1]}"
        yield made
        server.shutdown()


def signature(store: S3, method: str = "GET", path: str = "/models/v1", data: bytes = b"") -> str:
    return store._signed(method, path, data, now=NOW)["Authorization"].partition("Signature=")[2]


def test_what_is_signed_is_said() -> None:
    headers = STORE._signed("GET", "/models/v1", b"", now=NOW)
    assert headers["x-amz-date"] == "20260102T030405Z"
    assert headers["host"] == "127.0.0.1:7070"
    assert headers["Authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=seatrial-lab/20260102/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature="
    )
    assert len(signature(STORE)) == 64


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(signature(STORE, method="PUT"), id="the method"),
        pytest.param(signature(STORE, path="/models/v2"), id="the path"),
        pytest.param(signature(STORE, data=b"x"), id="the content"),
        pytest.param(signature(replace(STORE, secret_key="another")), id="the key"),
        pytest.param(signature(replace(STORE, region="eu-west-1")), id="the region"),
        pytest.param(signature(replace(STORE, outside="http://127.0.0.1:7071")), id="the host"),
    ],
)
def test_a_signature_depends_on(other: str) -> None:
    assert other != signature(STORE)


def test_an_object_is_put_under_its_quoted_name_and_its_address_is_plain() -> None:
    with shop() as store:
        assert S3(store.address).put("models", "v 1/ä.skops", b"weights") == "s3://models/v 1/ä.skops"
    ((method, path, headers, data),) = store.seen
    assert (method, path, data) == ("PUT", "/models/v%201/%C3%A4.skops", b"weights")
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256")


def test_an_object_is_got() -> None:
    with shop(body=b"weights") as store:
        assert S3(store.address).get("models", "v1") == b"weights"


@pytest.mark.parametrize("status", [200, 409])
def test_a_bucket_that_exists_already_is_created(status: int) -> None:
    with shop(status) as store:
        S3(store.address).create_bucket("models")
    assert [(method, path) for method, path, *_ in store.seen] == [("PUT", "/models")]


@pytest.mark.parametrize("status", [204, 404])
def test_an_object_that_is_gone_already_is_deleted(status: int) -> None:
    with shop(status) as store:
        S3(store.address).delete("models", "v1")
    assert [(method, path) for method, path, *_ in store.seen] == [("DELETE", "/models/v1")]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(
            b"<?xml?><Error><Code>SignatureDoesNotMatch</Code></Error>",
            "403 SignatureDoesNotMatch",
            id="its code",
        ),
        pytest.param(b"go away", "403 go away", id="its words where there is no code"),
        pytest.param(b"\xff", "403 \ufffd", id="bytes that are no words"),
        pytest.param(b"", "403 ", id="nothing"),
    ],
)
def test_a_refusal_is_said_with_what_was_asked(body: bytes, words: str) -> None:
    with shop(403, body) as store, pytest.raises(LabError) as refused:
        S3(store.address).get("models", "v1")
    assert str(refused.value) == f"GET /models/v1: {words}"


def test_the_machines_proxy_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with shop(body=b"direct") as store:
        assert S3(store.address).get("models", "v1") == b"direct"
