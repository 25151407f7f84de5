"""The registry of an existing cluster: its names for this machine and for the cluster, and pushes to it.

skopeo pushes the images, not the client of the operator's builds: it is installed with the tools that build the images,
and it compresses the layers for a remote registry (once: it remembers them), which are uncompressed in the cache.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from model_runtime.registry.credentials import Login
from model_runtime.registry.references import Reference
from tests.cluster import debian, oci, progress
from tests.cluster.errors import LabError
from tests.stage import login

PATIENCE: Final = 15.0
"""Seconds within which a registry must respond."""
_LOOPBACK: Final = re.compile(r"(localhost|127\.[0-9.]+|\[::1\])(:\d+)?/")
_REGISTRY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(:\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryLocation:
    """`host[:port][/path]` as this machine pushes to it, and as nodes and pods name it."""

    registry: str
    pull_registry: str
    ca_file: Path | None = None
    plain_http: bool = False
    login: Login | None = None

    def pushed(self, image: str) -> str:
        """Return the image's repository by this machine's name; one level below the registry, as some allow no more."""
        return f"{self.registry}/seatrial-{image}"

    def pulled(self, image: str) -> str:
        """Return the same repository by the cluster's name."""
        return f"{self.pull_registry}/seatrial-{image}"

    @property
    def hosts(self) -> tuple[str, ...]:
        """Return the registry's hosts, this machine's name first."""
        both = (self.registry.partition("/")[0], self.pull_registry.partition("/")[0])
        return tuple(dict.fromkeys(both))


def registry_location(
    registry: str, pull_registry: str, *, ca_file: Path | None, plain_http: bool, docker: Path
) -> RegistryLocation:
    """Return the registry with the user's login; raise LabError for an invalid name."""
    registry, pull_registry = registry.rstrip("/"), (pull_registry or registry).rstrip("/")
    for option, name in (("REGISTRY", registry), ("PULL_REGISTRY", pull_registry)):
        _check(option, name)
    if ca_file and "-----BEGIN CERTIFICATE-----" not in _text_of(ca_file):
        raise LabError(f"{ca_file} contains no PEM certificate")
    found = login.login_for(Reference.parse(f"{registry}/seatrial-models"), docker)
    return RegistryLocation(
        registry=registry, pull_registry=pull_registry, ca_file=ca_file, plain_http=plain_http, login=found
    )


def _check(option: str, name: str) -> None:
    host = name.partition("/")[0]
    if not _REGISTRY.fullmatch(name) or not ("." in host or ":" in host or host == "localhost"):
        raise LabError(f"{option} must be HOST[:PORT][/PATH] such as registry.example/team; got '{name}'")


def _text_of(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError as error:
        raise LabError(f"{file} cannot be read: {error.strerror}") from error


def architecture_of(image: Path) -> str:
    """Return the architecture of the image in this OCI layout directory."""

    def document(digest: str) -> dict[str, Any]:
        text = (image / "blobs" / digest.replace(":", "/")).read_text()
        found: dict[str, Any] = json.loads(text)
        return found

    manifest = document(oci.digest_of_image(image))
    return str(document(manifest["config"]["digest"])["architecture"])


def push(image: Path, name: str, location: RegistryLocation) -> str:
    """Push the image of this OCI layout directory as `name`; return the reference by which nodes pull it."""
    debian.ensure("skopeo")
    if location.plain_http:
        _check_plain_http(location)
    with progress.step(f"pushing {location.pushed(name)}"), tempfile.TemporaryDirectory() as folder:
        digest_file = Path(folder) / "digest"
        argv = ["skopeo", "copy", "-q", "--insecure-policy", f"--digestfile={digest_file}"]
        argv += skopeo_options(location, Path(folder))
        argv += [f"oci:{image}:latest", f"docker://{location.pushed(name)}:demo"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LabError(push_error(location, name, done.stderr))
        return f"{location.pulled(name)}@{digest_file.read_text().strip()}"


def _check_plain_http(location: RegistryLocation) -> None:
    """Raise LabError unless the registry answers without TLS: skopeo would fall back to TLS, builds would not."""
    host = location.registry.partition("/")[0]
    try:
        response = httpx.get(f"http://{host}/v2/", timeout=PATIENCE)
    except httpx.TransportError as error:
        raise LabError(f"{host} does not answer without TLS, but PLAIN_HTTP=1 is set: {error}") from error
    if response.status_code not in (200, 401):
        raise LabError(
            f"{host} answers {response.status_code} without TLS: it is no registry with plain HTTP; remove PLAIN_HTTP"
        )


def skopeo_options(location: RegistryLocation, folder: Path) -> list[str]:
    """Return skopeo's options for this registry: login, certificate authority, TLS, compression."""
    authfile = folder / "auth.json"
    host = location.registry.partition("/")[0]
    authfile.touch(mode=0o600)
    authfile.write_text(login.secret_of(location.login, (host,)) if location.login else '{"auths": {}}')
    argv = [f"--dest-authfile={authfile}"]
    if location.ca_file:
        (folder / "certs").mkdir()
        shutil.copy(location.ca_file, folder / "certs" / "ca.crt")
        argv.append(f"--dest-cert-dir={folder / 'certs'}")
    if location.plain_http:
        argv.append("--dest-tls-verify=false")
    if _LOOPBACK.match(f"{location.registry}/"):
        argv.append("--preserve-digests")  # on one machine, compressing costs more than copying
    return argv


def push_error(location: RegistryLocation, name: str, stderr: str) -> str:
    """Return one sentence with the cause and the remedy of a failed push."""
    last = (stderr.strip().splitlines() or ["no error message"])[-1]
    match = re.search(r'msg="(.*)"', last)
    cause = (match.group(1) if match else last).replace('\\"', '"')
    host = location.registry.partition("/")[0]
    if re.search(r"unauthorized|denied|authentication required|status.* 40[13]", cause, re.IGNORECASE):
        subject = "your login" if location.login else "a push without a login"
        hint = (
            f"the registry rejects {subject}; run `docker login {host}` with an account that can push there"
        )
    elif "unknown authority" in cause or "certificate" in cause:
        hint = "give its certificate authority with REGISTRY_CA=FILE"
    elif "server gave HTTP response" in cause:
        hint = "it uses HTTP without TLS; set PLAIN_HTTP=1 to allow that"
    else:
        hint = (
            f"check that {host} is right, and that the repository exists if the registry does not create it"
        )
    return f"cannot push {location.pushed(name)}: {hint} ({cause[-300:]})"
