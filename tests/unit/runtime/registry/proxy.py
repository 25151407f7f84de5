"""A proxy for the real registry that requires tokens and fails on demand."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import re
import secrets
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

ENOUGH = 256 << 20
"""Bytes after which an endless response ends: a client that reads them all has no limit."""


@dataclass
class Fault:
    """Handles the first `times` matching requests instead of the registry."""

    method: str
    path: str
    act: Callable[[Handler], None]
    times: int = 1
    after: int = 0
    """How many matching requests pass before."""

    def strikes(self, method: str, path: str) -> bool:
        if method != self.method or not re.search(self.path, path) or not self.times:
            return False
        if self.after:
            self.after -= 1
            return False
        self.times -= 1
        return True


@dataclass
class RegistryProxy:
    """The proxy; image names begin with its `host`."""

    upstream: str
    login: tuple[str, str] | None = None
    """Requires tokens of this user."""
    basic: bool = False
    """Requires the login itself instead of a token."""
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    scopes: dict[str, set[str]] = field(default_factory=dict)
    tokens_made: int = 0
    uses: int = 0
    """How many requests a token is valid for; 0 means any number."""
    hides_scope: bool = False
    """The challenge has no scope, and a token with too little scope gets 403."""
    authorizations: list[tuple[str, str]] = field(default_factory=list)
    """Paths, and the `Authorization` header that they had."""
    used: dict[str, int] = field(default_factory=dict)
    host: str = ""
    flooded: int = 0

    def __enter__(self) -> RegistryProxy:
        handler = type("BoundHandler", (Handler,), {"proxy": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def count(self, method: str, path: str = "") -> int:
        return sum(1 for verb, where in self.requests if verb == method and re.search(path, where))

    def expire_tokens(self) -> None:
        self.scopes.clear()


class Handler(BaseHTTPRequestHandler):
    proxy: RegistryProxy
    protocol_version = "HTTP/1.1"
    timeout = 10

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base's name
        pass

    def _any(self) -> None:
        self.proxy.requests.append((self.command, self.path))
        self.proxy.authorizations.append((self.path, self.headers.get("authorization", "")))
        if self.path.startswith("/token"):
            return self.token()
        for fault in self.proxy.faults:
            if fault.strikes(self.command, self.path):
                return fault.act(self)
        if self.proxy.login is not None and not self.allowed():
            return self.ask()
        return self.forward()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815 - http.server finds them by name

    # what it asks for

    def allowed(self) -> bool:
        shown = self.headers.get("authorization", "")
        if self.proxy.basic:
            return shown == basic_of(self.proxy.login)
        token = shown.removeprefix("Bearer ")
        self.proxy.used[token] = self.proxy.used.get(token, 0) + 1
        if self.proxy.uses and self.proxy.used[token] > self.proxy.uses:
            return False
        return self.wanted() <= self.proxy.scopes.get(token, set())

    def wanted(self) -> set[str]:
        parts = urlsplit(self.path)
        repository = re.match(r"/v2/(.+?)/(?:blobs|manifests|tags)/", parts.path)
        if repository is None:
            return set()
        verbs = {"pull"} if self.command in ("GET", "HEAD") else {"pull", "push"}
        scopes = {f"repository:{repository[1]}:{verb}" for verb in verbs}
        return scopes | {f"repository:{name}:pull" for name in parse_qs(parts.query).get("from", [])}

    def ask(self) -> None:
        if self.proxy.basic:
            return self.answer(401, {"www-authenticate": 'Basic realm="test"'})
        if (
            self.proxy.hides_scope
            and self.headers.get("authorization", "").removeprefix("Bearer ") in self.proxy.scopes
        ):
            self.body()
            return self.answer(403)
        merged: dict[str, list[str]] = {}
        for scope in sorted(self.wanted()):
            merged.setdefault(scope.rpartition(":")[0], []).append(scope.rpartition(":")[2])
        scope = " ".join(f"{name}:{','.join(verbs)}" for name, verbs in merged.items())
        realm = f"http://{self.proxy.host}/token"
        if self.proxy.hides_scope:
            return self.answer(401, {"www-authenticate": f'Bearer realm="{realm}",service="test"'})
        return self.answer(
            401, {"www-authenticate": f'Bearer realm="{realm}",service="test",scope="{scope}"'}
        )

    def token(self) -> None:
        if self.headers.get("authorization") != basic_of(self.proxy.login):
            return self.answer(401)
        token = secrets.token_hex(8)
        asked = parse_qs(urlsplit(self.path).query).get("scope", [])
        names = [
            (scope.rpartition(":")[0], verb)
            for scope in asked
            for verb in scope.rpartition(":")[2].split(",")
        ]
        self.proxy.scopes[token] = {f"{name}:{verb}" for name, verb in names}
        self.proxy.tokens_made += 1
        return self.answer(200, {}, json.dumps({"token": token}).encode())

    # what it does

    def forward(self) -> None:
        body = self.body()
        upstream = http.client.HTTPConnection(self.proxy.upstream, timeout=30)
        headers = {key: value for key, value in self.headers.items() if key.lower() not in _OWN}
        upstream.request(self.command, self.path, body=body or None, headers=headers)
        response = upstream.getresponse()
        content = response.read()
        kept = {key: value for key, value in response.getheaders() if key.lower() not in _OWN}
        if self.command == "HEAD":
            kept["content-length"] = response.getheader("content-length") or "0"
        self.answer(response.status, kept, content)
        upstream.close()

    def body(self) -> bytes:
        if self.headers.get("transfer-encoding") == "chunked":
            pieces = []
            while size := int(self.rfile.readline(), 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def answer(self, status: int, headers: dict[str, str] | None = None, content: bytes = b"") -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        if "content-length" not in {key.lower() for key in headers or {}}:
            self.send_header("content-length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


_OWN = {"connection", "transfer-encoding", "content-length", "authorization"}


def basic_of(login: tuple[str, str] | None) -> str:
    return "Basic " + base64.b64encode(":".join(login or ("", "")).encode()).decode()


def responds_with(status: int, **headers: str) -> Callable[[Handler], None]:
    """Respond with this status."""

    def act(handler: Handler) -> None:
        handler.body()
        handler.answer(status, {key.replace("_", "-"): value for key, value in headers.items()})

    return act


def closes_connection(handler: Handler) -> None:
    """Close the connection without a response."""
    handler.hang_up()


def loses_response(handler: Handler) -> None:
    """Forward the request, but lose its response."""
    body = handler.body()
    upstream = http.client.HTTPConnection(handler.proxy.upstream, timeout=30)
    headers = {key: value for key, value in handler.headers.items() if key.lower() not in _OWN}
    upstream.request(handler.command, handler.path, body=body or None, headers=headers)
    upstream.getresponse().read()
    upstream.close()
    handler.hang_up()


def truncates_response(handler: Handler) -> None:
    """Truncate the response in the middle of its body."""
    upstream = http.client.HTTPConnection(handler.proxy.upstream, timeout=30)
    upstream.request(handler.command, handler.path, headers={"host": handler.proxy.host})
    response = upstream.getresponse()
    content = response.read()
    upstream.close()
    handler.send_response(response.status)
    handler.send_header("content-length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content[: len(content) // 2])
    handler.hang_up()


def endless_response(status: int, **headers: str) -> Callable[[Handler], None]:
    """Send an endless response; the bytes are added to the proxy's `flooded`."""

    def act(handler: Handler) -> None:
        handler.body()
        handler.send_response(status)
        for key, value in headers.items():
            handler.send_header(key.replace("_", "-"), value)
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        piece = b"[" * 65536
        with contextlib.suppress(OSError):
            while handler.proxy.flooded < ENOUGH:
                handler.wfile.write(b"10000\r\n" + piece + b"\r\n")
                handler.proxy.flooded += len(piece)
        handler.close_connection = True

    return act


def responds_content(status: int, content: bytes, **headers: str) -> Callable[[Handler], None]:
    """Respond with this content."""

    def act(handler: Handler) -> None:
        handler.body()
        handler.answer(status, {key.replace("_", "-"): value for key, value in headers.items()}, content)

    return act
