"""Servers that models are fetched from; each test chooses their responses."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from model_runtime.retry import RetryPolicy
from model_runtime.sources import FetchRequest, limits


def fetch_request(folder: Path, uri: str, **changes: object) -> FetchRequest:
    """Return a request that fetches into `folder/model`, with short pauses."""
    for name in ("model", "spool", "volume"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    values: dict[str, object] = {
        "uri": uri,
        "folder": folder / "model",
        "credentials": folder / "credentials",
        "ca": folder / "ca",
        "volume": folder / "volume",
        "spool": folder / "spool",
        "limits": limits.Limits(100, 10 << 20, folder),
        "retry": RetryPolicy(attempts=4, first_pause=0.001, longest_pause=0.002),
    }
    return FetchRequest(**{**values, **changes})  # type: ignore[arg-type]


def fetched_files(folder: Path) -> dict[str, bytes]:
    """Return the fetched files, by path."""
    model = folder / "model"
    return {p.relative_to(model).as_posix(): p.read_bytes() for p in model.rglob("*") if p.is_file()}


class Handler(BaseHTTPRequestHandler):
    """Responds, and records the requests."""

    site: Site
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
        pass

    def handle(self) -> None:
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            super().handle()

    def _any(self) -> None:
        self.site.requests.append((self.command, self.path, dict(self.headers.items())))
        self.site.answers(self)

    do_GET = do_HEAD = _any  # noqa: N815 - http.server finds them by name

    def answer(self, status: int, content: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        if "content_length" not in headers:
            self.send_header("content-length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def break_off(self) -> None:
        self.close_connection = True


@dataclass
class Site:
    answers: Callable[[Handler], None]
    address: str = ""
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)


@contextmanager
def serving(answers: Callable[[Handler], None], tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    """Serve these responses."""
    site = Site(answers)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"site": site}))
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    site.address = f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_address[1]}"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()


def bucket(objects: dict[str, bytes]) -> Callable[[Handler], None]:
    """The bucket `models` of an S3 server that checks no signature."""

    def answers(handler: Handler) -> None:
        parts = urlsplit(handler.path)
        key = unquote(parts.path).removeprefix("/models/")
        if unquote(parts.path).rstrip("/") == "/models":
            return handler.answer(200, _listing(objects, parse_qs(parts.query).get("prefix", [""])[0]))
        if key not in objects:
            return handler.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        return handler.answer(200, objects[key], etag='"e1"', last_modified="Sat, 01 Nov 2025 00:00:00 GMT")

    return answers


def _listing(objects: dict[str, bytes], prefix: str) -> bytes:
    contents = "".join(
        f"<Contents><Key>{escape(key)}</Key><LastModified>2025-11-01T00:00:00.000Z</LastModified>"
        f"<ETag>&quot;e1&quot;</ETag><Size>{len(content)}</Size></Contents>"
        for key, content in objects.items()
        if key.startswith(prefix)
    )
    return f"<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>".encode()
