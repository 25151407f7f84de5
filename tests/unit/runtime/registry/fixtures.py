"""A real registry of one's own, images in it, and a client without long pauses."""

from __future__ import annotations

import gzip
import io
import shutil
import ssl
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from model_runtime.registry import blobs
from model_runtime.registry.client import (
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    RegistryClient,
    canonical_json,
)
from model_runtime.registry.credentials import Keyring, Login
from model_runtime.registry.references import Reference
from model_runtime.registry.transport import Transport
from model_runtime.retry import RetryPolicy
from tests.cluster import ports
from tests.unit.runtime.registry.proxy import RegistryProxy

CONFIG = """
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: ROOT}, delete: {enabled: true}}
http: {addr: "127.0.0.1:PORT"}
"""
SHORT_PAUSES = RetryPolicy(attempts=4, first_pause=0.001, longest_pause=0.002)
MakeClient = Callable[..., RegistryClient]


@pytest.fixture(scope="session")
def docker_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its `host:port`, without TLS and without a login."""
    program = shutil.which("docker-registry") or shutil.which("registry")
    if program is None:
        pytest.skip("LOUD: the package docker-registry is not installed (apt-get install docker-registry)")
    folder = tmp_path_factory.mktemp("registry")
    port = free_port()
    (folder / "config.yml").write_text(CONFIG.replace("ROOT", str(folder)).replace("PORT", str(port)))
    log = (folder / "log").open("wb")
    process = subprocess.Popen([program, "serve", str(folder / "config.yml")], stdout=log, stderr=log)
    host = f"127.0.0.1:{port}"
    try:
        _await(host, process, folder / "log")
        yield host
    finally:
        process.terminate()
        process.wait()
        log.close()


def _await(host: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"http://{host}/v2/").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
        if process.poll() is not None:
            break
    raise RuntimeError(f"the registry does not start: {log.read_text()[-2000:]}")


def free_port() -> int:
    """Return a port without a listener that the system gives to no outgoing connection."""
    (port,) = ports.free(1)
    return port


@pytest.fixture
def proxy(docker_registry: str) -> Iterator[RegistryProxy]:
    """Return a proxy for the registry; it only forwards requests until a test changes it."""
    with RegistryProxy(docker_registry) as made:
        yield made


@pytest.fixture(scope="session")
def client_of() -> Iterator[MakeClient]:
    """Makes clients for plain-http hosts and closes them."""
    made: list[Transport] = []

    def make(
        *hosts: str, logins: dict[str, Login] | None = None, retry: RetryPolicy = SHORT_PAUSES
    ) -> RegistryClient:
        transport = Transport(
            ssl.create_default_context(),
            Keyring(logins or {}),
            plain_http=frozenset(hosts),
            retry=retry,
        )
        made.append(transport)
        return RegistryClient(transport)

    yield make
    for transport in made:
        transport.close()


def push_image(
    registry: RegistryClient,
    reference: Reference,
    *,
    files: dict[str, str] | None = None,
    platforms: tuple[str, ...] = (),
    docker: bool = False,
) -> str:
    """A tiny image with one layer; with platforms an index of such images. Its digest."""
    made = []
    for architecture in platforms or ("amd64",):
        body = _manifest(
            registry, reference, files or {"etc/base": architecture}, architecture, docker=docker
        )
        kind = DOCKER_MANIFEST if docker else OCI_MANIFEST
        if not platforms:
            return registry.put_manifest(reference, kind, body)
        digest = registry.put_manifest(Reference(reference.host, reference.path), kind, body)
        platform = {"os": "linux", "architecture": architecture}
        made.append(
            {"mediaType": kind, "digest": digest, "size": len(canonical_json(body)), "platform": platform}
        )
    kind = DOCKER_INDEX if docker else OCI_INDEX
    return registry.put_manifest(reference, kind, {"schemaVersion": 2, "mediaType": kind, "manifests": made})


def _manifest(
    registry: RegistryClient, reference: Reference, files: dict[str, str], architecture: str, *, docker: bool
) -> dict[str, Any]:
    tar = tar_of(files)
    layer = blobs.from_bytes(gzip.compress(tar, mtime=0))
    config = blobs.from_bytes(
        canonical_json(
            {
                "architecture": architecture,
                "os": "linux",
                "config": {"Env": ["PATH=/bin", "HOME=/tmp"], "Cmd": ["sh"], "Labels": {"base": "yes"}},
                "rootfs": {"type": "layers", "diff_ids": [blobs.digest_of(tar)]},
                "history": [{"created_by": "test"}],
            }
        )
    )
    registry.put_blob(reference, layer)
    registry.put_blob(reference, config)
    kinds = (
        (
            "application/vnd.docker.container.image.v1+json",
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
        )
        if docker
        else ("application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip")
    )
    return {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST if docker else OCI_MANIFEST,
        "config": {"mediaType": kinds[0], "digest": config.digest, "size": config.size},
        "layers": [{"mediaType": kinds[1], "digest": layer.digest, "size": layer.size}],
    }


def tar_of(files: dict[str, str]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return made.getvalue()


def files_in(registry: RegistryClient, reference: Reference, folder: Path) -> dict[str, tarfile.TarInfo]:
    """All entries of the image's layers, as they would be unpacked into `folder`."""
    found = registry.manifest(reference)
    assert found is not None
    if found.is_index:
        one = Reference(reference.host, reference.path, digest=found.body["manifests"][0]["digest"])
        return files_in(registry, one, folder)
    entries: dict[str, tarfile.TarInfo] = {}
    for number, layer in enumerate(found.body["layers"]):
        path = folder / f"layer-{number}"
        registry.download(reference, layer["digest"], path)
        with tarfile.open(path) as tar:
            tar.extractall(folder / "root", filter="data")
            entries |= {member.name: member for member in tar}
    return entries
