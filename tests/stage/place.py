"""Where images go for a cluster of the user's: a registry by our name and by the cluster's, and the push into it.

skopeo pushes, not the client of our own builds: what builds the images here brings it along, and on the way to a
registry that is not on this machine it packs the layers (once: it remembers), which lie unpacked in the cache.
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
"""Seconds that a registry may take to say what it is."""
_LOOPBACK: Final = re.compile(r"(localhost|127\.[0-9.]+|\[::1\])(:\d+)?/")
_REGISTRY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(:\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`host[:port][/path]` as this machine pushes there, and as nodes and pods name the same place."""

    registry: str
    pull_registry: str
    ca_file: Path | None = None
    plain_http: bool = False
    login: Login | None = None

    def pushed(self, image: str) -> str:
        """The image's repository by this machine's name. One level below the registry: some allow no more."""
        return f"{self.registry}/seatrial-{image}"

    def pulled(self, image: str) -> str:
        """The same repository by the cluster's name."""
        return f"{self.pull_registry}/seatrial-{image}"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The registry's names, this machine's first."""
        both = (self.registry.partition("/")[0], self.pull_registry.partition("/")[0])
        return tuple(dict.fromkeys(both))


def place_of(
    registry: str, pull_registry: str, *, ca_file: Path | None, plain_http: bool, docker: Path
) -> Place:
    """The place with the user's login. Raises LabError for what cannot be one."""
    registry, pull_registry = registry.rstrip("/"), (pull_registry or registry).rstrip("/")
    for option, name in (("REGISTRY", registry), ("PULL_REGISTRY", pull_registry)):
        _check(option, name)
    if ca_file and "-----BEGIN CERTIFICATE-----" not in _text_of(ca_file):
        raise LabError(f"{ca_file} has no PEM certificate")
    found = login.login_for(Reference.parse(f"{registry}/seatrial-models"), docker)
    return Place(
        registry=registry, pull_registry=pull_registry, ca_file=ca_file, plain_http=plain_http, login=found
    )


def _check(option: str, name: str) -> None:
    host = name.partition("/")[0]
    if not _REGISTRY.fullmatch(name) or not ("." in host or ":" in host or host == "localhost"):
        raise LabError(f"{option} is HOST[:PORT][/PATH], as registry.example/team, not '{name}'")


def _text_of(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError as error:
        raise LabError(f"{file} cannot be read: {error.strerror}") from error


def architecture_of(image: Path) -> str:
    """What the image in this layout folder runs on."""

    def document(digest: str) -> dict[str, Any]:
        text = (image / "blobs" / digest.replace(":", "/")).read_text()
        found: dict[str, Any] = json.loads(text)
        return found

    manifest = document(oci.digest_of_image(image))
    return str(document(manifest["config"]["digest"])["architecture"])


def push(image: Path, name: str, place: Place) -> str:
    """The image of this layout folder stands in the place under `name`; the reference by which nodes pull it."""
    debian.ensure("skopeo")
    if place.plain_http:
        _speaks_plainly(place)
    with progress.step(f"pushing {place.pushed(name)}"), tempfile.TemporaryDirectory() as spare:
        digest_file = Path(spare) / "digest"
        argv = ["skopeo", "copy", "-q", "--insecure-policy", f"--digestfile={digest_file}"]
        argv += manner(place, Path(spare))
        argv += [f"oci:{image}:latest", f"docker://{place.pushed(name)}:demo"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LabError(refusal(place, name, done.stderr))
        return f"{place.pulled(name)}@{digest_file.read_text().strip()}"


def _speaks_plainly(place: Place) -> None:
    """The registry answers without TLS: skopeo would take it with TLS as well, and builds would not."""
    host = place.registry.partition("/")[0]
    try:
        answer = httpx.get(f"http://{host}/v2/", timeout=PATIENCE)
    except httpx.TransportError as error:
        raise LabError(f"{host} does not answer without TLS, as PLAIN_HTTP=1 says: {error}") from error
    if answer.status_code not in (200, 401):
        raise LabError(
            f"{host} answers {answer.status_code} without TLS: no registry that speaks plainly; leave PLAIN_HTTP out"
        )


def manner(place: Place, spare: Path) -> list[str]:
    """How skopeo speaks to the place: with this login or none, this authority, packed or not."""
    authfile = spare / "auth.json"
    host = place.registry.partition("/")[0]
    authfile.touch(mode=0o600)
    authfile.write_text(login.secret_of(place.login, (host,)) if place.login else '{"auths": {}}')
    argv = [f"--dest-authfile={authfile}"]
    if place.ca_file:
        (spare / "certs").mkdir()
        shutil.copy(place.ca_file, spare / "certs" / "ca.crt")
        argv.append(f"--dest-cert-dir={spare / 'certs'}")
    if place.plain_http:
        argv.append("--dest-tls-verify=false")
    if _LOOPBACK.match(f"{place.registry}/"):
        argv.append("--preserve-digests")  # on one machine packing costs more than copying
    return argv


def refusal(place: Place, name: str, said: str) -> str:
    """One sentence for what skopeo says about a push that failed."""
    last = (said.strip().splitlines() or ["it says nothing"])[-1]
    told = re.search(r'msg="(.*)"', last)
    words = (told.group(1) if told else last).replace('\\"', '"')
    host = place.registry.partition("/")[0]
    if re.search(r"unauthorized|denied|authentication required|status.* 40[13]", words, re.IGNORECASE):
        who = "your login" if place.login else "a push without a login"
        hint = f"it refuses {who}: `docker login {host}` with an account that may push there"
    elif "unknown authority" in words or "certificate" in words:
        hint = "give its authority with REGISTRY_CA=FILE"
    elif "server gave HTTP response" in words:
        hint = "it speaks http without TLS; say PLAIN_HTTP=1 if that is meant"
    else:
        hint = f"is {host} right, and does the repository exist where the registry wants that?"
    return f"{place.pushed(name)} cannot be pushed: {hint} ({words[-300:]})"
