"""The lab's OCI registry: two listeners on one storage, one open and one that asks for a name and password."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster import node
from tests.cluster.plan import Process

OPEN_PORT = 5000
GUARDED_PORT = 5443
INSIDE = f"registry.lab:{OPEN_PORT}"
GUARDED_INSIDE = f"registry.lab:{GUARDED_PORT}"
USERNAME = "lab"
PASSWORD = "lab-password"
# bcrypt of the password: the only kind that the registry takes
HTPASSWD = "lab:$2b$05$rl10qXj0nntUDV0B3KzGAekUsHPjfxfaLd0ilFiEUrZSU6bHQlMf2\n"


@dataclass(frozen=True, slots=True)
class Registry:
    """Where images are pushed to and pulled from. Both listeners speak TLS with a certificate of `ca_file`."""

    outside: str  # 127.0.0.1:PORT, from the machine
    inside: str  # registry.lab:5000, from pods and from kubelet: the name to put into image references
    ca_file: Path
    guarded_outside: str  # the same storage behind basic authentication
    guarded_inside: str
    username: str = USERNAME
    password: str = PASSWORD


def certificates() -> list[dict[str, Any]]:
    """The registry's serving certificate, good inside by name and outside by loopback."""
    names = ["registry.lab", "localhost", "127.0.0.1", node.ADDRESS]
    return [
        {"name": "registry", "kind": "leaf", "issuer": "ca", "commonName": "registry.lab", "names": names}
    ]


def storage(folder: Path) -> Path:
    """Where the registry of this lab keeps what was pushed."""
    return folder / "registry"


def processes(folder: Path) -> list[Process]:
    """Both listeners, with their files written."""
    storage(folder).mkdir(exist_ok=True)
    (folder / "htpasswd").write_text(HTPASSWD)
    guard = {"htpasswd": {"realm": "lab", "path": str(folder / "htpasswd")}}
    return [
        _process(folder, "registry", OPEN_PORT, {}),
        _process(folder, "registry-guarded", GUARDED_PORT, {"auth": guard}),
    ]


def _process(folder: Path, name: str, port: int, more: dict[str, Any]) -> Process:
    config = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(storage(folder)), "maxthreads": 200},
            "delete": {"enabled": True},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        "http": {
            "addr": f"0.0.0.0:{port}",
            "tls": {"certificate": str(folder / "registry.crt"), "key": str(folder / "registry.key")},
        },
        "health": {"storagedriver": {"enabled": False}},
        **more,
    }
    file = folder / f"{name}.json"
    file.write_text(json.dumps(config, indent=1))
    return Process(name, ["docker-registry", "serve", str(file)])


def write_trust(folder: Path) -> None:
    """containerd trusts both listeners."""
    for host in (INSIDE, GUARDED_INSIDE):
        file = folder / "registries" / host / "hosts.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            f'server = "https://{host}"\n[host."https://{host}"]\n'
            f'  capabilities = ["pull", "resolve"]\n  ca = "{folder / "ca.crt"}"\n'
        )
